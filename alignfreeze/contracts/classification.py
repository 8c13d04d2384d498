"""The shared half of tasks that put a pair of texts into one of several classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alignfreeze.contracts.task import Feature, Prediction, Task
from alignfreeze.errors import DataError
from alignfreeze.textfiles import numbered_lines

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase
    from transformers.utils.generic import ModelOutput


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
            if len(cells) != 3:
                message = f"a line must be {'<TAB>'.join(self.columns)}, got {len(cells)} column(s)"
                raise DataError(message, file=path, line=number)
            try:
                examples.append(self._pair(*cells))
            except ValueError as error:
                raise DataError(str(error), file=path, line=number) from None
        return examples

    def from_row(self, row: Mapping[str, Any], language: str) -> TextPair | None:
        """A pair from the hub's columns; a row without a label is left out."""
        first, second, label = (row[name] for name in self.columns)
        if label in (None, -1):
            return None
        if isinstance(label, int) and not 0 <= label < len(self.labels):
            raise ValueError(f"a class number must be below {len(self.labels)}, got {label}")
        return self._pair(first, second, self.labels[label] if isinstance(label, int) else label)

    def _pair(self, first: str, second: str, label: str) -> TextPair:
        if label not in self.labels:
            raise ValueError(f"a label must be one of {' '.join(self.labels)}, got {label!r}")
        for name, text in zip(self.columns, (first, second), strict=False):
            if not (text and text.strip()):
                raise ValueError(f"{name} must not be empty")
        return TextPair(first, second, label)

    def featurize(
        self, examples: Sequence[TextPair], tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> list[Feature]:
        """One row a pair; of a pair too long, the longer text loses subwords at its end first."""
        if not examples:
            return []
        encoded = tokenizer(
            [example.first for example in examples],
            [example.second for example in examples],
            truncation="longest_first",
            max_length=max_length,
        )
        extra = encoded.get("token_type_ids")
        return [
            Feature(
                input_ids=ids,
                targets={"labels": self.labels.index(example.label)},
                example=index,
                extra_inputs={"token_type_ids": extra[index]} if extra is not None else None,
            )
            for index, (example, ids) in enumerate(zip(examples, encoded["input_ids"], strict=True))
        ]

    def predict(self, outputs: "ModelOutput") -> "tuple[Tensor, ...]":
        """The most probable class of each row, of shape (batch,)."""
        return (outputs["logits"].argmax(dim=-1),)

    def metrics(
        self,
        examples: Sequence[TextPair],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """The fraction of pairs whose class is right."""
        gold = np.array([feature.targets["labels"] for feature in features])
        guesses = np.array([int(prediction[0]) for prediction in predictions])
        return {"accuracy": float((gold == guesses).mean())}
