"""The shared half of tasks that put a pair of texts into one of several classes."""

import functools
import logging
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alignfreeze.contracts.columns import LANGUAGE, Columns
from alignfreeze.contracts.examples import Examples, Feature
from alignfreeze.contracts.layouts import Layout
from alignfreeze.contracts.task import Prediction, Task
from alignfreeze.errors import DataError
from alignfreeze.messages import counted
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


ENDINGS = (".tsv", ".jsonl", ".csv", ".txt")
"""Of text files in the task's own folder."""

UNLABELLED = ("", "-", "-1", -1, None)
"""What stands for a label where a pair has none, as where its annotators did not agree."""


class PairClassificationTask(Task):
    """Sequence classification over pairs of texts; scored by accuracy.

    A subclass gives `labels`, in the order of the hub's class numbers, and `columns`: those of
    the first text, the second text and the label. Its text files are tables that name these in a
    header, or that have these three alone; or JSON lines.
    """

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    suffix: ClassVar[str] = ".tsv"
    primary_metric: ClassVar[str] = "accuracy"
    example: ClassVar[Mapping[str, str]] = {
        "text": "The cat sleeps on the sofa.",
        "text_pair": "An animal is asleep.",
    }
    column_aliases: ClassVar[Mapping[str, Sequence[str]]] = {}
    """By column, what else files call it, in lower case; what comes first counts."""
    label_aliases: ClassVar[Mapping[str, str]] = {}
    """What else files call a label, in lower case."""

    @classmethod
    def all_layouts(cls) -> tuple[Layout, ...]:
        """Its own text files may have several endings."""
        own, parquet, *published = super().all_layouts()
        stem = own.pattern.removesuffix(cls.suffix)
        others = (Layout(stem + ending) for ending in ENDINGS if ending != cls.suffix)
        return own, parquet, *others, *published

    def languages_within(self, path: Path) -> frozenset[str]:
        """The languages that a file's rows say they are in.

        Raises:
            DataError: If it is malformed, or they do not say; names the file and the line.
        """
        found = path.stat()
        return _languages(type(self), path, found.st_mtime_ns, found.st_size)

    @classmethod
    def _file_columns(cls) -> Columns:
        return Columns(cls.columns, cls.column_aliases)

    def read_text(self, path: Path, language: str) -> Examples[TextPair]:
        """Read the pairs that are in a language, or do not say which they are in.

        Raises:
            DataError: If the file is malformed, or has no such pair with a label; names the file
                and the line.
        """
        notes: Counter[str] = Counter()
        elsewhere: Counter[str] = Counter()
        examples: list[TextPair] = []
        numbers = f"class numbers, read in the order {' '.join(self.labels)}"
        columns = self._file_columns()
        for number, row in columns.rows(path, notes):
            own = row.pop(LANGUAGE, language)
            if own != language:
                elsewhere[str(own)] += 1
                continue
            try:
                pair = self.from_row(row, language)
            except ValueError as error:
                message = f"{error}; {columns.rule}" if number == 1 else str(error)
                raise DataError(message, file=path, line=number) from None
            label = row[self.columns[2]]
            if pair is not None:
                examples.append(pair)
                if self._is_number(label):
                    notes[numbers] += 1
            elif label in UNLABELLED:
                notes["pairs without a label, left out"] += 1
            else:
                notes["pairs that the task leaves out"] += 1
        if not examples and elsewhere:
            message = f"must have pairs in {language!r}, has: {counted(elsewhere)}"
            raise DataError(message, file=path)
        if not examples and (unlabelled := notes["pairs without a label, left out"]):
            raise DataError(f"none of its {unlabelled:,} pairs has a label", file=path)
        notes["pairs in other languages, left to those"] = elsewhere.total()
        return Examples(examples, notes)

    def from_row(self, row: Mapping[str, Any], language: str) -> TextPair | None:
        """A pair from the hub's columns; a row without a label is left out."""
        first, second, label = [row[name] for name in self.columns]
        if label not in self.labels:
            if label in UNLABELLED:
                return None
            if self._is_number(label):
                if not 0 <= int(label) < len(self.labels):
                    rule = f"a class number must be below {len(self.labels)}"
                    raise ValueError(f"{rule}, got {label!s:.60}")
                label = self.labels[int(label)]
        return self._pair(first, second, label)

    def _is_number(self, label: Any) -> bool:
        """Whether a label is the number of a class, and not the name of one."""
        if isinstance(label, str):
            return label.isdecimal() and label not in self.labels
        return type(label) is int

    def _pair(self, first: Any, second: Any, label: Any) -> TextPair:
        if label not in self.labels:
            name = label.strip().lower() if isinstance(label, str) else ""
            known = self.label_aliases.get(name, name)
            if known not in self.labels:
                names = " ".join(self.labels)
                raise ValueError(f"a label must be one of {names}, got {label!r:.60}")
            label = known
        for name, text in zip(self.columns, (first, second), strict=False):
            if not (isinstance(text, str) and text) or text.isspace():
                raise ValueError(f"{name} must be a text that is not empty, got {text!r:.60}")
        return TextPair(first, second, label)

    def counts(self, examples: Sequence[TextPair]) -> dict[str, int]:
        """Pairs."""
        return {"pairs": len(examples)}

    def label_counts(self, examples: Sequence[TextPair]) -> dict[str, int]:
        """How many pairs have each label."""
        counts = Counter(pair.label for pair in examples)
        return {label: counts[label] for label in self.labels}

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


@functools.lru_cache(maxsize=64)
def _languages(task: type[PairClassificationTask], path: Path, *_stamp: int) -> frozenset[str]:
    """Those of a file as it is at a time; many languages ask for them."""
    found = set()
    for number, row in task._file_columns().rows(path, Counter()):
        if LANGUAGE not in row:
            message = f"must have a column {LANGUAGE!r}, since its name says none"
            raise DataError(message, file=path, line=number)
        found.add(str(row[LANGUAGE]))
    return frozenset(found)
