"""The task `pawsx`: whether two sentences are paraphrases, in seven languages."""

from pathlib import Path
from typing import ClassVar

from alignfreeze.contracts import (
    HubSplit,
    PairClassificationTask,
    Split,
    TextPair,
    numbered_lines,
)
from alignfreeze.errors import DataError

LANGUAGES = ("de", "es", "fr", "ja", "ko", "zh")


class ParaphraseClassification(PairClassificationTask):
    """Says whether two sentences with much the same words mean the same (PAWS-X); by accuracy."""

    folder: ClassVar[str] = "pawsx"
    languages: ClassVar[tuple[str, ...]] = LANGUAGES
    labels: ClassVar[tuple[str, ...]] = ("0", "1")
    columns: ClassVar[tuple[str, ...]] = ("sentence1", "sentence2", "label")
    epochs: ClassVar[float] = 2.0

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """PAWS-X has all three splits of every language, by the names used here."""
        if language not in ("en", *LANGUAGES):
            return None
        return HubSplit(
            "google-research-datasets/paws-x",
            language,
            split,
            self.columns,
            "8a04d940a42cd40658986fdd8e3da561533a3646",
        )

    def read_text(self, path: Path, language: str) -> list[TextPair]:
        """Read PAWS-X's own files: a header, then ``id, sentence1, sentence2, label`` by tabs.

        Sentences that the translators left empty, or as ``NS``, are left out, as the data set's
        authors do.
        """
        pairs = []
        for number, line in numbered_lines(path):
            cells = line.split("\t")
            if len(cells) != 4:
                message = f"a line must have 4 tab-separated columns, got {len(cells)}"
                raise DataError(message, file=path, line=number)
            _, first, second, label = cells
            if number == 1 or {first.strip(), second.strip()} & {"", "NS"}:
                continue
            if label not in self.labels:
                raise DataError(f"a label must be 0 or 1, got {label!r}", file=path, line=number)
            pairs.append(TextPair(first, second, label))
        return pairs
