"""Parallel text as a translation memory, TMX: units with a variant in each language."""

import xml.sax
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from alignfreeze.data.codes import is_code_of
from alignfreeze.errors import DataError
from alignfreeze.messages import listed, shown
from alignfreeze.text.files import opened

BLOCK_BYTES = 1 << 16

ROOT, UNIT, VARIANT, SEGMENT = "tmx", "tu", "tuv", "seg"
CODES = frozenset({"bpt", "ept", "it", "ph", "sub", "ut"})
"""Elements in a segment that hold a document's own codes, and no text of the sentence."""
CONTROLS = bytes({*range(0x20)} - {*b"\t\n\r"})
"""What XML forbids, and texts hold all the same; of UTF-16 they may be half a character."""

LANGUAGE = ("xml:lang", "lang")
"""The attribute of a variant's language, which was renamed."""


class Variant(NamedTuple):
    """What a unit says in a language, and whether markup was left out of it."""

    language: str
    text: str
    had_markup: bool


Unit = list[Variant]


def memory_pairs(
    path: Path, languages: tuple[str, str], notes: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The sentence pairs of a translation memory, without holding them all.

    A variant in ``de-DE`` is one in ``de``. Markup within a segment is left out: the codes of
    ``bpt``, ``ept``, ``it``, ``ph`` and ``ut`` with what they hold, of ``hi`` and others the tags.

    Args:
        path: The file; its encoding is what it says.
        languages: The codes of the languages wanted.
        notes: Counts what is left out.

    Yields:
        Texts in the order of the languages.

    Raises:
        DataError: If it is no well-formed TMX, declares entities, or has no unit in both languages.
    """
    others: Counter[str] = Counter()
    found = 0
    for unit in _units(path, notes):
        sides = [_variants(unit, language) for language in languages]
        if not all(sides):
            others.update({variant.language for variant in unit})
            notes[f"units of {path.name} left out, without {' or '.join(languages)}"] += 1
            continue
        further = sum(map(len, sides)) - len(sides)
        notes[f"further variants in {path.name} left out"] += further
        first, second = (side[0] for side in sides)
        notes[f"segments of {path.name} rid of markup"] += first.had_markup + second.had_markup
        found += 1
        yield first.text, second.text
    if not found:
        known = listed([code for code, _ in others.most_common()]) or "none"
        wanted = " and ".join(map(repr, languages))
        raise DataError(
            f"no unit is in both {wanted}; languages of its units: {known}",
            file=path,
        )


def _variants(unit: Unit, language: str) -> Unit:
    """The variants of a unit in a language, those whose code has no region first."""
    found = [variant for variant in unit if is_code_of(variant.language, language)]
    return sorted(found, key=lambda variant: variant.language.lower() != language.lower())


def _units(path: Path, notes: Counter[str]) -> Iterator[Unit]:
    """The units of a file, a block of which is read at a time."""
    handler = _Handler(path)
    parser = make_parser()
    # The TMX's own definition, which most files name, is then passed over, and not opened.
    parser.forbid_external = False
    parser.setContentHandler(handler)
    controls: bytes | None = None
    with opened(path) as file:
        while block := file.read(BLOCK_BYTES):
            if controls is None:
                controls = b"" if b"\0" in block[:4] else CONTROLS
            kept = block.translate(None, controls)
            notes[f"control characters in {path.name} left out"] += len(block) - len(kept)
            _feed(path, parser, kept)
            yield from handler.taken()
    _feed(path, parser, None)
    if not handler.has_root:
        raise DataError("the file is empty", file=path)


def _feed(path: Path, parser: xml.sax.xmlreader.IncrementalParser, block: bytes | None) -> None:
    """Parse a block, or the end."""
    try:
        if block is None:
            parser.close()
        else:
            parser.feed(block)
    except xml.sax.SAXParseException as error:
        message = f"TMX must be well-formed XML: {error.getMessage()}"
        raise DataError(message, file=path, line=error.getLineNumber()) from error
    except DefusedXmlException as error:
        name = getattr(error, "name", "")
        raise DataError(f"TMX must declare no entities, got {shown(name)}", file=path) from error
    except (LookupError, ValueError) as error:
        message = f"TMX must be in an encoding that is known, such as UTF-8: {error}"
        raise DataError(message, file=path) from error


class _Handler(ContentHandler):
    """Gathers units as the parser comes to their ends."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._units: list[Unit] = []
        self._unit: Unit = []
        self._language = ""
        self._segment: list[str] | None = None
        self._markup = False
        self._codes = 0
        self.has_root = False

    def taken(self) -> Iterator[Unit]:
        """The units that have ended; each is handed out once."""
        units, self._units = self._units, []
        yield from units

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  SAX's
        """Note where a part begins; within a segment, that there is markup."""
        name = name.rpartition(":")[2]
        if not self.has_root and name != ROOT:
            raise DataError(f"TMX must have the root {ROOT!r}, got {shown(name)}", file=self._path)
        self.has_root = True
        if self._segment is not None:
            self._markup = True
            self._codes += name in CODES
        elif name == SEGMENT:
            self._segment, self._markup = [], False
        elif name == VARIANT:
            codes = [attrs[key] for key in LANGUAGE if key in attrs]
            self._language = codes[0].strip() if codes else ""
        elif name == UNIT:
            self._unit = []

    def skippedEntity(self, name: str) -> None:  # noqa: N802  SAX's
        """Refuse what stands for a text that is nowhere in the file."""
        message = f"TMX must have no entities but those of XML itself, got {shown(f'&{name};')}"
        raise DataError(message, file=self._path)

    def characters(self, content: str) -> None:
        """Keep the text of a segment."""
        if self._segment is not None and not self._codes:
            self._segment.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802  SAX's
        """Keep a variant's text at its end, and a unit."""
        name = name.rpartition(":")[2]
        if name == SEGMENT and self._segment is not None:
            text = "".join(self._segment).strip(" \t\r\n")
            self._unit.append(Variant(self._language, text, self._markup))
            self._segment = None
        elif self._segment is not None:
            self._codes -= name in CODES
        elif name == UNIT:
            self._units.append(self._unit)
