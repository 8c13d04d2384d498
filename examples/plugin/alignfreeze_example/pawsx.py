"""The task `pawsx`: whether two sentences are paraphrases, in seven languages."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from alignfreeze.contracts import HubSplit, PairClassificationTask, Split, TextPair, numbered_lines
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

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
            "4cd8187c404bda33cb1f62b49b001115862acf37",
        )

    def read_text(self, path: Path, language: str) -> list[TextPair]:
        """Read PAWS-X's own files: a header, then ``id, sentence1, sentence2, label`` by tabs."""
        pairs = []
        for number, line in numbered_lines(path):
            cells = line.split("\t")
            if number == 1 and tuple(cells) != ("id", *self.columns):
                raise DataError(f"must begin with id, {', '.join(self.columns)}", file=path, line=1)
            if len(cells) != 4:
                message = f"a line must have 4 tab-separated columns, got {len(cells)}"
                raise DataError(message, file=path, line=number)
            if number > 1:
                try:
                    row = dict(zip(self.columns, cells[1:], strict=True))
                    pairs.append(self.from_row(row, language))
                except ValueError as error:
                    raise DataError(str(error), file=path, line=number) from None
        kept = [pair for pair in pairs if pair is not None]
        if len(kept) < len(pairs):
            logger.info("%s: %d pairs are not translated", path, len(pairs) - len(kept))
        return kept

    def from_row(self, row: Mapping[str, Any], language: str) -> TextPair | None:
        """Leave out what the translators left empty, or as ``NS``, as the authors do."""
        if {row["sentence1"].strip(), row["sentence2"].strip()} & {"", "NS"}:
            return None
        return super().from_row(row, language)
