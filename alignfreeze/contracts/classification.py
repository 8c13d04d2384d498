"""The shared half of tasks that put a pair of texts into one of several classes."""

import logging
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alignfreeze.contracts.task import Feature, Prediction, Task
from alignfreeze.errors import DataError
from alignfreeze.text.files import numbered_lines
from alignfreeze.text.words import TOKENIZER_CHUNK

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextPair:
    """Two texts, neither empty, and the class that they belong to as a pair."""

    first: str
    second: str
    label: str


class PairClassificationTask(Task):
    """Sequence classification over pairs of texts; scored by accuracy.

    A subclass gives `labels`, in the order of the hub's class numbers, and `columns`: those of
    the first text, the second text and the label. Its text format is those three, with tabs
    between, a line each.
    """

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    suffix: ClassVar[str] = ".tsv"
    primary_metric: ClassVar[str] = "accuracy"

    def read_text(self, path: Path, language: str) -> list[TextPair]:
        """Read ``first<TAB>second<TAB>label`` lines."""
        examples = []
        for number, line in numbered_lines(path):
            cells = line.split("\t")
            try:
                if len(cells) != 3:
                    rule = f"a line must be {'<TAB>'.join(self.columns)}"
                    raise ValueError(f"{rule}, got {len(cells)} column(s)")
                examples.append(self._pair(*cells))
            except ValueError as error:
                raise DataError(str(error), file=path, line=number) from None
        return examples

    def from_row(self, row: Mapping[str, Any], language: str) -> TextPair | None:
        """A pair from the hub's columns; a row without a label is left out."""
        first, second, label = (row[name] for name in self.columns)
        if label in (None, -1):
            return None
        if type(label) is not int:
            return self._pair(first, second, label)
        if not 0 <= label < len(self.labels):
            raise ValueError(f"a class number must be below {len(self.labels)}, got {label}")
        return self._pair(first, second, self.labels[label])

    def _pair(self, first: str, second: str, label: str) -> TextPair:
        if label not in self.labels:
            raise ValueError(f"a label must be one of {' '.join(self.labels)}, got {label!r}")
        for name, text in zip(self.columns, (first, second), strict=False):
            if not (isinstance(text, str) and text.strip()):
                raise ValueError(f"{name} must be a text that is not empty, got {text!r}")
        return TextPair(first, second, label)

    def featurize(
        self, examples: Sequence[TextPair], tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> list[Feature]:
        """One row a pair; of a pair too long, the longer text loses subwords at its end first."""
        features: list[Feature] = []
        cut = 0
        for begin in range(0, len(examples), TOKENIZER_CHUNK):
            chunk = examples[begin : begin + TOKENIZER_CHUNK]
            encoded = tokenizer(
                [pair.first for pair in chunk],
                [pair.second for pair in chunk],
                truncation="longest_first",
                max_length=max_length,
                return_attention_mask=False,
                verbose=False,
            )
            cut += sum(bool(encoding.overflowing) for encoding in encoded.encodings)
            places = encoded.get("token_type_ids") or [None] * len(chunk)
            rows = zip(chunk, encoded["input_ids"], places, strict=True)
            features += [
                Feature(
                    input_ids=array("i", ids),
                    targets={"labels": self.labels.index(pair.label)},
                    example=number,
                    extra_inputs=own and {"token_type_ids": array("b", own)},
                )
                for number, (pair, ids, own) in enumerate(rows, begin)
            ]
        if cut:
            logger.warning("%d pairs of texts were cut to %d subwords", cut, max_length)
        return features

    def metrics(
        self,
        examples: Sequence[TextPair],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """The fraction of pairs whose class is right."""
        rows = zip(features, predictions, strict=True)
        right = [feature.targets["labels"] == int(guesses[0]) for feature, guesses in rows]
        return {"accuracy": float(np.mean(right))}
