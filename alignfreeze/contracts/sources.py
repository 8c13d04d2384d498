"""What plugins are handed to read from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Split = Literal["train", "validation", "test"]
"""The splits of labelled data."""

SPLIT_FILES: dict[Split, str] = {"train": "train", "validation": "dev", "test": "test"}
"""The file name, without its ending, that each split has in a data folder."""


@dataclass(frozen=True)
class HubSplit:
    """Where a split is on the Hugging Face hub, in a data set of parquet files.

    Attributes:
        repository: ``namespace/name`` of the data set.
        config: Name of its configuration, such as ``de_gsd``; ``None`` where it has but one.
        split: Its own name of the split.
        columns: The columns that are read.
        revision: A commit or tag; ``None``: whatever is the newest when it is first fetched.
    """

    repository: str
    config: str | None
    split: str
    columns: tuple[str, ...]
    revision: str | None = None


class Supplier(Protocol):
    """Brings data from elsewhere, as files of a data source."""

    def file(self, place: HubSplit) -> Path:
        """The parquet file that a split is, or will be, kept in."""

    def fetch(self, place: HubSplit) -> None:
        """Write that file, unless it is there.

        Raises:
            MissingSplitError: If there is no such split.
            DataError: If the data set cannot be reached; names it.
        """

    def has(self, place: HubSplit) -> bool:
        """Whether a split can be had, as far as that is known without fetching anything.

        Raises:
            DataError: If what says so is malformed; names it.
        """

    def parallel_languages(self, source_language: str) -> list[str]:
        """The target languages that it has parallel text for, sorted."""

    def missing_texts(self, source_language: str, targets: Iterable[str]) -> dict[str, str]:
        """Why there is no parallel text, by each target language that turns out to have none.

        Raises:
            DataError: If what says so cannot be reached.
        """

    def fetch_bitext(self, source_language: str, target: str) -> "Bitext":
        """Bring the texts of a language pair, and dictionaries as far as there are any.

        Raises:
            DataError: If they cannot be reached; names them.
        """


@dataclass(frozen=True)
class DataSource:
    """A folder of parallel text and labelled data, laid out as docs/data.md says.

    Attributes:
        name: What the user called it, for messages.
        root: The folder.
        supplier: Brings what is not in the folder yet; ``None`` where all is there.
    """

    name: str
    root: Path
    supplier: Supplier | None = None


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
        origins: What the texts were made of, where they are published in another format.
        notes: What was left out or mended of that: pairs of what it is and how often, to be read
            the other way round.
        scores_file: A number a line, that scores the pair of that line (the higher, the better),
            where present.
    """

    source: str
    target: str
    source_file: Path
    target_file: Path
    alignment_file: Path | None = None
    forward_dictionary: Path | None = None
    backward_dictionary: Path | None = None
    alignment_reversed: bool = False
    origins: tuple[Path, ...] = ()
    notes: tuple[tuple[str, int], ...] = ()
    scores_file: Path | None = None


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
