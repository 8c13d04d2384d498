"""The shared half of tasks that put a text, or a pair of texts, into one of several classes."""

import functools
import logging
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from alignfreeze.contracts.columns import LANGUAGE, Columns
from alignfreeze.contracts.examples import Examples, Feature
from alignfreeze.contracts.labelled_texts import LabelledText, TextFeature, TextPair
from alignfreeze.contracts.layouts import Layout
from alignfreeze.contracts.outcomes import Outcomes, Parts
from alignfreeze.contracts.task import Prediction, Task
from alignfreeze.errors import DataError
from alignfreeze.messages import counted
from alignfreeze.text.words import TOKENIZER_CHUNK, WordCounts, read_words, summed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


E = TypeVar("E", TextPair, LabelledText)

ENDINGS = (".tsv", ".jsonl", ".csv", ".txt")
"""Of text files in the task's own folder."""

UNLABELLED = ("", "-", "-1", -1, None)
"""What stands for a label where there is none, as where annotators did not agree."""


class ClassificationTask(Task, Generic[E]):
    """What `TextClassificationTask` and `PairClassificationTask` share.

    A subclass gives `labels`, in the order of the hub's class numbers, and `columns`: those of
    the texts, then that of the label. Its text files are tables that name these in a header, or
    that have these alone, in that order; or JSON lines. Where labels are numbers themselves, such
    as ratings, a number is a label, and not that of a class.
    """

    noun: ClassVar[str]
    """What its examples are called in messages, in the plural."""
    _example: ClassVar[type[Any]]
    """What its examples are: made of the texts and the label."""
    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    suffix: ClassVar[str] = ".tsv"
    primary_metric: ClassVar[str] = "accuracy"
    column_aliases: ClassVar[Mapping[str, Sequence[str]]] = {}
    """By column, what else files call it, in lower case; what comes first counts."""
    label_aliases: ClassVar[Mapping[str, str]] = {}
    """What else files call a label, in lower case; the case of letters does not count."""

    @classmethod
    def all_layouts(cls) -> tuple[Layout, ...]:
        """Its own text files may have several endings."""
        layouts = super().all_layouts()
        stem = layouts[0].pattern.removesuffix(cls.suffix)
        others = tuple(Layout(stem + ending) for ending in ENDINGS if ending != cls.suffix)
        return layouts[:2] + others + layouts[2:]

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

    def read_text(self, path: Path, language: str) -> Examples[E]:
        """Read the examples that are in a language, or do not say which they are in.

        Raises:
            DataError: If the file is malformed, or has no such example with a label; names the
                file and the line.
        """
        notes: Counter[str] = Counter()
        elsewhere: Counter[str] = Counter()
        examples: list[E] = []
        unlabelled = f"{self.noun} without a label, left out"
        numbers = f"class numbers, read in the order {' '.join(self.labels)}"
        columns = self._file_columns()
        for number, row in columns.rows(path, notes):
            own = row.pop(LANGUAGE, language)
            if own != language:
                elsewhere[str(own)] += 1
                continue
            try:
                example = self.from_row(row, language)
            except ValueError as error:
                message = f"{error}; {columns.rule}" if number == 1 else str(error)
                raise DataError(message, file=path, line=number) from None
            label = row[self.columns[-1]]
            if example is not None:
                examples.append(example)
                if self._is_number(label):
                    notes[numbers] += 1
            elif self._is_unlabelled(label):
                notes[unlabelled] += 1
            else:
                notes[f"{self.noun} that the task leaves out"] += 1
        if not examples and elsewhere:
            message = f"must have {self.noun} in {language!r}, has: {counted(elsewhere)}"
            raise DataError(message, file=path)
        if not examples and (count := notes[unlabelled]):
            raise DataError(f"none of its {count:,} {self.noun} has a label", file=path)
        notes[f"{self.noun} in other languages, left to those"] = elsewhere.total()
        return Examples(examples, notes)

    def from_row(self, row: Mapping[str, Any], language: str) -> E | None:
        """An example from the hub's columns; a row without a label is left out."""
        *texts, label = [row[name] for name in self.columns]
        if self._is_unlabelled(label):
            return None
        if self._is_number(label):
            if not 0 <= int(label) < len(self.labels):
                rule = f"a class number must be below {len(self.labels)}"
                raise ValueError(f"{rule}, got {label!s:.60}")
            label = self.labels[int(label)]
        known = self._known(label)
        for name, text in zip(self.columns, texts, strict=False):
            if not (isinstance(text, str) and text) or text.isspace():
                raise ValueError(f"{name} must be a text that is not empty, got {text!r:.60}")
        example: E = self._example(*texts, known)
        return example

    def _is_unlabelled(self, label: Any) -> bool:
        return self._spelled(label) not in self.labels and label in UNLABELLED

    def _is_number(self, label: Any) -> bool:
        """Whether a label is the number of a class, and not the name of one."""
        if any(name.isdecimal() for name in self.labels):
            return False
        return label.isdecimal() if isinstance(label, str) else type(label) is int

    def _spelled(self, label: Any) -> Any:
        """A number as the text that a label would be."""
        return str(label) if type(label) is int else label

    def _known(self, label: Any) -> str:
        """The label that one of a file is.

        Raises:
            ValueError: If it is none.
        """
        label = self._spelled(label)
        if label in self.labels:
            return str(label)
        name = label.strip().lower() if isinstance(label, str) else ""
        known = ({own.lower(): own for own in self.labels} | dict(self.label_aliases)).get(name)
        if known not in self.labels:
            names = " ".join(self.labels)
            raise ValueError(f"a label must be one of {names}, got {label!r:.60}")
        return known

    def counts(self, examples: Sequence[E]) -> dict[str, int]:
        """Examples."""
        return {self.noun: len(examples)}

    def label_counts(self, examples: Sequence[E]) -> dict[str, int]:
        """How many examples have each label."""
        counts = Counter(example.label for example in examples)
        return {label: counts[label] for label in self.labels}

    def featurize(
        self, examples: Sequence[E], tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> list[Feature]:
        """One row an example; of one too long, the longest text loses subwords at its end first."""
        features: list[Feature] = []
        cut = 0
        for begin in range(0, len(examples), TOKENIZER_CHUNK):
            chunk = examples[begin : begin + TOKENIZER_CHUNK]
            encoded = tokenizer(
                *map(list, zip(*(example.texts for example in chunk), strict=True)),
                truncation="longest_first",
                max_length=max_length,
                return_attention_mask=False,
                verbose=False,
            )
            cut += sum(bool(encoding.overflowing) for encoding in encoded.encodings)
            places = encoded.get("token_type_ids") or [None] * len(chunk)
            words = (read_words(encoding, tokenizer) for encoding in encoded.encodings)
            rows = zip(chunk, encoded["input_ids"], places, words, strict=True)
            features += [
                TextFeature(
                    input_ids=array("i", ids),
                    targets={"labels": self.labels.index(example.label)},
                    example=number,
                    extra_inputs=own and {"token_type_ids": array("b", own)},
                    words=words,
                )
                for number, (example, ids, own, words) in enumerate(rows, begin)
            ]
        if cut:
            logger.warning("%d %s were cut to %d subwords", cut, self.noun, max_length)
        return features

    def word_counts(
        self, features: Sequence[Feature], tokenizer: "PreTrainedTokenizerBase"
    ) -> WordCounts | None:
        """How the words of the texts are read, as far as these are not cut."""
        counts = summed(row.words for row in features if isinstance(row, TextFeature))
        return counts if counts.words else None

    def metrics(
        self,
        examples: Sequence[E],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """The fraction of examples whose class is right."""
        rows = zip(features, predictions, strict=True)
        right = [feature.targets["labels"] == int(guesses[0]) for feature, guesses in rows]
        return {"accuracy": float(np.mean(right))}

    def outcomes(
        self,
        examples: Sequence[E],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> Outcomes:
        """The class of each example, right and said, and its part in the accuracy."""
        predicted = [""] * len(examples)
        right, rows = np.zeros(len(examples)), np.zeros(len(examples))
        for feature, guesses in zip(features, predictions, strict=True):
            guess, number = int(guesses[0]), feature.example
            predicted[number] = self.labels[guess]
            right[number] += feature.targets["labels"] == guess
            rows[number] += 1
        gold = [example.label for example in examples]
        return Outcomes(gold, predicted, {"accuracy": Parts(right, rows)})

    def texts(self, example: E) -> Mapping[str, str]:
        """The texts by the names of their columns."""
        return dict(zip(self.columns, example.texts, strict=False))


class TextClassificationTask(ClassificationTask[LabelledText]):
    """Sequence classification of single texts, such as sentiment or topic; scored by accuracy.

    Macro F1 is computed too, which a subclass may make its `primary_metric`.

    A subclass gives `labels`, in the order of the hub's class numbers, and `languages`. Its files
    have a column ``text`` and a column ``label``, or what `column_aliases` says.
    """

    noun: ClassVar[str] = "texts"
    _example: ClassVar[type[Any]] = LabelledText
    columns: ClassVar[tuple[str, ...]] = ("text", "label")
    column_aliases: ClassVar[Mapping[str, Sequence[str]]] = {
        "text": ("sentence", "tweet", "review", "content"),
        "label": ("class", "category", "sentiment", "topic"),
    }

    def metrics(
        self,
        examples: Sequence[LabelledText],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """Accuracy, and the mean F1 of the classes that occur, each counting as much."""
        from sklearn.metrics import f1_score

        gold = [feature.targets["labels"] for feature in features]
        guesses = [int(guess[0]) for guess in predictions]
        f1 = f1_score(gold, guesses, average="macro", zero_division=0)
        return {**super().metrics(examples, features, predictions), "macro_f1": float(f1)}


class PairClassificationTask(ClassificationTask[TextPair]):
    """Sequence classification over pairs of texts; scored by accuracy.

    A subclass gives `labels`, in the order of the hub's class numbers, and `columns`: those of
    the first text, the second text and the label.
    """

    noun: ClassVar[str] = "pairs"
    example: ClassVar[Mapping[str, str]] = {
        "text": "The cat sleeps on the sofa.",
        "text_pair": "An animal is asleep.",
    }
    _example: ClassVar[type[Any]] = TextPair


@functools.lru_cache(maxsize=64)
def _languages(task: type[ClassificationTask[Any]], path: Path, *_stamp: int) -> frozenset[str]:
    """Those of a file as it is at a time; many languages ask for them."""
    found = set()
    for number, row in task._file_columns().rows(path, Counter()):
        if LANGUAGE not in row:
            message = f"must have a column {LANGUAGE!r}, since its name says none"
            raise DataError(message, file=path, line=number)
        found.add(str(row[LANGUAGE]))
    return frozenset(found)
