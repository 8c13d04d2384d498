"""What plugins are handed to read from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "validation", "test"]

SPLIT_FILES: dict[Split, str] = {"train": "train", "validation": "dev", "test": "test"}
"""The file name, without its ending, that each split has in a data folder."""


@dataclass(frozen=True)
class DataSource:
    """A folder of parallel text and labelled data, laid out as docs/data.md says.

    Attributes:
        name: What the user called it, for messages.
        root: The folder.
    """

    name: str
    root: Path


@dataclass(frozen=True)
class Bitext:
    """The files of one language pair; line n of one text translates line n of the other.

    Attributes:
        source: Code of the source language.
        target: Code of the target language.
        source_file: Moses-format text in the source language.
        target_file: Moses-format text in the target language.
        alignment_file: Word alignments in Pharaoh format, where present.
        forward_dictionary: MUSE dictionary, source word first, where present.
        backward_dictionary: MUSE dictionary, target word first, where present.
        alignment_reversed: Whether the alignment file has the target's index first.
    """

    source: str
    target: str
    source_file: Path
    target_file: Path
    alignment_file: Path | None = None
    forward_dictionary: Path | None = None
    backward_dictionary: Path | None = None
    alignment_reversed: bool = False


@dataclass(frozen=True)
class SentencePair:
    """A sentence and its translation, split into words.

    Attributes:
        line: The line in the text files, counted from 1.
        source: The words in the source language.
        target: The words in the target language.
    """

    line: int
    source: tuple[str, ...]
    target: tuple[str, ...]
