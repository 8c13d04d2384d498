"""The places in a data folder where people keep the files of a task."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from alignfreeze.contracts.sources import SPLIT_FILES, Split
from alignfreeze.text.files import is_file


@dataclass(frozen=True)
class Layout:
    """One way to lay a task's files out.

    Attributes:
        pattern: A path below the data folder, such as ``ner/{language}/{split}.tsv``; ``*`` stands
            for any text within a name. Without ``{language}`` a file holds several languages,
            which the task finds in it, or that one which ``language`` says.
        names: What ``{split}`` is; a split that is not named is nowhere in this layout.
        language: The language of files whose pattern names none.
    """

    pattern: str
    names: Mapping[Split, str] = field(default_factory=lambda: SPLIT_FILES)
    language: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether one file holds several languages."""
        return "{language}" not in self.pattern and not self.language

    def files(self, root: Path, language: str, split: Split) -> list[Path]:
        """The files that may hold a split of a language, sorted; more than one is too many."""
        if split not in self.names or (self.language and language != self.language):
            return []
        # A language names no way to another folder.
        if language in (".", "..") or "/" in language:
            return []
        path = self.pattern.format(language=_literal(language), split=_literal(self.names[split]))
        return sorted(found for found in root.glob(path) if is_file(found))

    def languages(self, root: Path, split: Split) -> Iterator[str]:
        """The languages that files are named after."""
        if split not in self.names or self.is_shared:
            return
        if self.language:
            yield from [self.language] if self.files(root, self.language, split) else []
            return
        name = _literal(self.names[split])
        named = re.compile(_expression(self.pattern.format(language="\0", split=name)))
        for path in root.glob(self.pattern.format(language="*", split=name)):
            match = named.fullmatch(path.relative_to(root).as_posix())
            if match and is_file(path):
                yield match["language"]


def _literal(name: str) -> str:
    """A name as a glob that stands for nothing else."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _expression(pattern: str) -> str:
    r"""A regular expression for paths; ``\0`` is where the language stands, the first time."""
    parts = re.split(r"(\0|\*|\[.\])", pattern)
    seen = False
    found = []
    for part in parts:
        if part == "\0":
            found.append("(?P=language)" if seen else "(?P<language>[^/]+?)")
            seen = True
        elif part == "*":
            found.append("[^/]*")
        else:
            found.append(re.escape(part[1:-1] if part.startswith("[") else part))
    return "".join(found)
