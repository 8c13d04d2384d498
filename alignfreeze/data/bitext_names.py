"""The names under which parallel text is read, and what to do about files that have others."""

import re
from collections.abc import Collection, Iterable
from itertools import chain
from typing import NamedTuple

from alignfreeze.data.conversion import READERS
from alignfreeze.messages import listed
from alignfreeze.text.files import GZIP

CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*")
"""A language's code, in a name that is of nothing but two codes."""

PACKED = frozenset({".zip", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".7z"})
"""Endings of files that have to be unpacked."""


ALIGNMENT, SCORES = "align", "scores"
"""Endings of the files that may stand beside a text: word alignments, scores of its pairs."""

BESIDE = (ALIGNMENT, SCORES)


class Form(NamedTuple):
    """A way to keep the text of a language pair.

    Attributes:
        names: The names of its files, one for both languages or one for each.
        languages: The languages, in the order of the files, or of the columns of one.
    """

    names: tuple[str, ...]
    languages: tuple[str, str]

    @property
    def is_moses(self) -> bool:
        """Whether the files are read as they are."""
        return len(self.names) == 2 and not any(name.endswith(GZIP) for name in self.names)


def stems(source_language: str, target: str) -> tuple[str, str]:
    """The names that the files of a language pair may have, the preferred one first."""
    return f"{source_language}-{target}", f"{target}-{source_language}"


def forms(source_language: str, target: str) -> list[Form]:
    """The forms in which the text of a language pair is read, the preferred ones first."""
    languages, names = (source_language, target), stems(source_language, target)
    packings = [("", ""), (GZIP, GZIP), ("", GZIP), (GZIP, "")]
    texts = [
        Form((f"{stem}.{source_language}{one}", f"{stem}.{target}{other}"), languages)
        for one, other in packings
        for stem in names
    ]
    both = [
        Form((f"{stem}{ending}{packing}",), order)
        for ending in READERS
        for packing in ("", GZIP)
        for stem, order in zip(names, (languages, languages[::-1]), strict=True)
    ]
    return texts + both


def complete_form(names: Collection[str], source_language: str, target: str) -> Form | None:
    """The preferred form of which all files are there; ``None`` without any."""
    found = forms(source_language, target)
    return next((form for form in found if all(name in names for name in form.names)), None)


def names_beside(ending: str, source_language: str, target: str) -> list[str]:
    """The names of a file of a language pair beside its text, the preferred ones first.

    The ending is `ALIGNMENT` or `SCORES`.
    """
    both = stems(source_language, target)
    return [f"{stem}.{ending}{packing}" for packing in ("", GZIP) for stem in both]


def name_beside(names: Collection[str], ending: str, source_language: str, target: str) -> str:
    """The file of a language pair beside its text; empty without any."""
    wanted = names_beside(ending, source_language, target)
    return next((name for name in wanted if name in names), "")


def named_languages(names: Iterable[str], source_language: str) -> set[str]:
    """The languages that files may be of, by their names, beside the source language."""
    found: set[str] = set()
    for name in names:
        stem, _, ending = name.removesuffix(GZIP).rpartition(".")
        others = stem.removeprefix(f"{source_language}-"), stem.removesuffix(f"-{source_language}")
        found.update(code for code in others if code != stem and CODE.fullmatch(code))
        if stem in stems(source_language, ending):
            found.add(ending)
    return found - {source_language}


def missing_name(names: Collection[str], source_language: str, target: str) -> str:
    """The file that is wanted, in the form in Moses format of which most is there."""
    plain = forms(source_language, target)[: len(stems(source_language, target))]
    nearest = max(plain, key=lambda form: sum(name in names for name in form.names))
    return next(name for name in nearest.names[::-1] if name not in names)


def unread(names: Collection[str], source_language: str, targets: Collection[str]) -> str:
    """What to do about files that seem to be of some languages; to be put behind a message.

    Where no language has a text, that is which names are read, and which are there.

    Args:
        names: The names of the files of parallel text.
        source_language: The code of the source language.
        targets: The target languages that are asked for; where there are none, those whose codes
            stand beside that of the source language.
    """
    asked = targets or _paired_codes(names, source_language)
    remedies = [
        f"{name} {remedy}"
        for name in sorted(names)
        for target in asked
        if (remedy := _remedy(name, source_language, target))
    ]
    if remedies:
        return f"; {listed(remedies)}"
    if len(unused(names, source_language)) < len(names):
        return ""
    target = next(iter(targets)) if len(targets) == 1 else "XX"
    pair = f"{source_language}-{target}"
    there = f"; there are {listed(sorted(names))}" if names else ""
    rule = f"{pair}.{source_language} with {pair}.{target}, {pair}.tsv or {pair}.tmx"
    return f"; what is read is {rule}{there}"


def unused(names: Collection[str], source_language: str) -> dict[str, str]:
    """The files that are of no language's text, sorted, and why as far as that is known."""
    names, used = set(names), set[str]()
    named = named_languages(names, source_language)
    for code in named:
        if found := complete_form(names, source_language, code):
            beside = (name_beside(names, ending, source_language, code) for ending in BESIDE)
            used.update(found.names, beside)
    paired = _paired_codes(names, source_language)
    reasons = {}
    for name in sorted(names - used):
        instead = (
            _instead(name, names, source_language, code) for code in sorted(named) if code in name
        )
        remedies = (_remedy(name, source_language, code) for code in paired if code in name)
        reasons[name] = next(filter(None, chain(instead, remedies)), "")
    return reasons


def _instead(name: str, names: Collection[str], source_language: str, target: str) -> str:
    """What is read or missing, of a language pair whose file is not read; empty if it is not."""
    kinds = [kind for kind in BESIDE if name in names_beside(kind, source_language, target)]
    if not kinds and not any(name in form.names for form in forms(source_language, target)):
        return ""
    found = complete_form(names, source_language, target)
    if found is None:
        return f"{missing_name(names, source_language, target)} is missing"
    beside = [name_beside(names, kind, source_language, target) for kind in kinds]
    read = beside or found.names
    return f"{' and '.join(read)} {'is' if len(read) == 1 else 'are'} read instead"


def dictionary_fault(name: str, source_language: str) -> str:
    """Why a file is the dictionary of no language that has a text."""
    for code in named_languages([name], source_language):
        if name in {f"{stem}.txt" for stem in stems(source_language, code)}:
            return f"there is no text of {code}"
    return f"dictionaries are named {source_language}-XX.txt and XX-{source_language}.txt"


def _paired_codes(names: Iterable[str], source_language: str) -> list[str]:
    """What looks like a code and stands beside that of the source language, sorted."""
    code, source = "[A-Za-z]{2,3}", re.escape(source_language)
    pair = re.compile(rf"(?<![^\W_])(?:{source}[-_]({code})|({code})[-_]{source})(?![^\W_])")
    return sorted(
        {code for name in names for found in pair.findall(name) for code in found if code}
    )


def _remedy(name: str, source_language: str, target: str) -> str:
    """What to do about a file that seems to be of a language pair; nothing if it is of none."""
    places = []
    for code in (source_language, target):
        letters = re.escape(code.lower()).replace("_", "[-_]")
        match = re.search(rf"(?<![^\W_]){letters}(?![^\W_])", name.lower())
        if match is None:
            return ""
        places.append((match.start(), code))
    if any(name in form.names for form in forms(source_language, target)):
        return ""
    whole, packing = (name[: -len(GZIP)], GZIP) if name.endswith(GZIP) else (name, "")
    ending = whole.rpartition(".")[2]
    if f".{ending.lower()}" in PACKED:
        return "is to be unpacked"
    if ending in (source_language, target):
        return f"must be named {source_language}-{target}.{ending}{packing}"
    if ending.lower() in (*BESIDE, *(known[1:] for known in READERS)):
        order = "-".join(code for _, code in sorted(places))
        return f"must be named {order}.{ending.lower()}{packing}"
    return "is of a format that is not read"
