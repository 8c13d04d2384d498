"""What a task implements."""

import logging
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alignfreeze.contracts.examples import Examples, Feature
from alignfreeze.contracts.guarding import may_raise
from alignfreeze.contracts.layouts import Layout
from alignfreeze.contracts.outcomes import Outcomes
from alignfreeze.contracts.plugin import Plugin
from alignfreeze.contracts.rows import parquet_rows
from alignfreeze.contracts.sources import SPLIT_FILES, DataSource, HubSplit, Split
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze.text.words import WordCounts

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase
    from transformers.utils.generic import ModelOutput

    Prediction = tuple[NDArray[np.generic], ...]
    """What `Task.predict` makes of one row: an array for each of its tensors."""
else:
    Prediction = tuple


class Task(Plugin):
    """A task to fine-tune on in the source language and to evaluate in the target languages."""

    folder: ClassVar[str]
    """Name of the task's folder in a data folder."""
    suffix: ClassVar[str]
    """Ending of its files, with the dot."""
    layouts: ClassVar[tuple[Layout, ...]] = ()
    """Where else its files may be, beside ``folder/language/split`` with ``suffix``, or as parquet;
    of several places that hold a split, the first counts."""
    languages: ClassVar[tuple[str, ...]]
    """Target languages of the published experiments."""
    primary_metric: ClassVar[str]
    """The metric that tables show."""
    metric_notes: ClassVar[Mapping[str, str]] = {}
    """By metric, what the reader of a table has to know of it, such as whose rules it is by: a
    few words on one line, without a full stop. They are shown once, below a table."""
    columns: ClassVar[tuple[str, ...]] = ()
    """The columns of the hub's data set that are read."""
    auto_class: ClassVar[str]
    """The class in transformers that has the head, such as ``AutoModelForTokenClassification``."""
    pipeline: ClassVar[str] = ""
    """Transformers' pipeline that takes its models, such as ``token-classification``: what a saved
    model answers in MLflow follows from it. Empty: that of `auto_class`."""
    example: ClassVar[Mapping[str, str]] = {}
    """A question to show with a saved model, by the names of its inputs, such as ``text``; empty:
    one of the pipeline's."""
    labels: ClassVar[tuple[str, ...]] = ()
    """Names of the classes that the head tells apart; empty where it tells none."""
    epochs: ClassVar[float] = 5.0
    """Passes over the training data in the published experiments."""

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """Where on the hub a split is; ``None`` where the hub has none."""
        return None

    @classmethod
    def all_layouts(cls) -> tuple[Layout, ...]:
        """Where its files may be in a data folder, the preferred place first."""
        stem = f"{cls.folder}/{{language}}/{{split}}"
        return Layout(f"{stem}{cls.suffix}"), Layout(f"{stem}.parquet"), *cls.layouts

    def languages_within(self, path: Path) -> Collection[str]:
        """The languages of a file that holds several; for tasks that have such a layout.

        Raises:
            DataError: If the file is malformed; names the file and the line.
        """
        raise NotImplementedError

    def file(self, source: DataSource, language: str, split: Split) -> Path:
        """The file that holds a split, text or else parquet; it need not exist.

        Raises:
            MissingSplitError: If the task says of no place on the hub; lists those it has one for.
            DataError: If several may be meant; names them.
        """
        if source.supplier is not None:
            return source.supplier.file(self._place(source, language, split))
        layouts = self.all_layouts()
        for layout in layouts:
            files = layout.files(source.root, language, split)
            if layout.is_shared:
                files = [path for path in files if language in self.languages_within(path)]
            if len(files) > 1:
                names = " and ".join(path.name for path in files)
                message = f"{language!r} must have one file for its {split} split, got {names}"
                raise DataError(message, file=files[0].parent)
            if files:
                return files[0]
        name = layouts[0].names[split]
        return source.root / layouts[0].pattern.format(language=language, split=name)

    def require_file(self, source: DataSource, language: str, split: Split) -> Path:
        """The file that holds a split, fetched if need be.

        Raises:
            MissingSplitError: If it does not exist; lists the languages that have the split.
            DataError: If it cannot be fetched.
        """
        path, reason = self.file(source, language, split), ""
        said = f"{path}: no such file"
        if source.supplier is not None:
            place = self._place(source, language, split)
            said = f"{place.repository}: no split {place.split!r} of config {place.config!r}"
            try:
                source.supplier.fetch(place)
            except MissingSplitError as error:
                said, reason = str(error), error.reason
        if reason or not path.is_file():
            raise self._missing(source, language, split, said, reason)
        return path

    def _place(self, source: DataSource, language: str, split: Split) -> HubSplit:
        """Where on the hub a split is."""
        if place := self.hub_split(language, split):
            return place
        said = f"{self.folder}: the hub has no data set for it"
        asked = product(("en", *self.languages), SPLIT_FILES)
        if not any(self.hub_split(name, of) for name, of in asked):
            said = f"{type(self).__name__} names no data set on the hub; use files (data=FOLDER)"
        raise self._missing(source, language, split, said)

    def _missing(
        self, source: DataSource, language: str, split: Split, said: str, reason: str = ""
    ) -> MissingSplitError:
        known = " ".join(name for name in self.languages_in(source, split) if name != language)
        message = f"{said}, so {language!r} has no {split} split; languages with one: "
        return MissingSplitError(message + (known or "none"), reason=reason or said)

    def languages_in(self, source: DataSource, split: Split = "test") -> list[str]:
        """The languages that have a split, sorted."""
        if source.supplier is not None:
            known = sorted({"en", *self.languages})
            places = {name: self.hub_split(name, split) for name in known}
            return [name for name, place in places.items() if place and source.supplier.has(place)]
        found: set[str] = set()
        for layout in self.all_layouts():
            found.update(layout.languages(source.root, split))
            if layout.is_shared:
                for path in layout.files(source.root, "", split):
                    found.update(self.languages_within(path))
        return sorted(found)

    def load(self, source: DataSource, language: str, split: Split) -> Sequence[Any]:
        """Read the examples of a split; what an example is, is the task's own affair.

        Raises:
            MissingSplitError: If the language has no such split.
            DataError: If the file is empty or malformed; names the file and the line or row.
        """
        path = self.require_file(source, language, split)
        examples = self.read(path, language)
        notes: Mapping[str, int] = getattr(examples, "notes", {})
        for what, count in notes.items():
            logger.warning("%s: %s %s", path, f"{count:,}", what)
        if not examples:
            raise DataError("the file has no example", file=path)
        return examples

    def read(self, path: Path, language: str) -> Sequence[Any]:
        """Read a language's examples of a file, text or parquet.

        Raises:
            DataError: If the file is malformed; names the file and the line or row.
        """
        read = self._read_rows if path.suffix == ".parquet" else self.read_text
        return read(path, language)

    def counts(self, examples: Sequence[Any]) -> dict[str, int]:
        """How much some examples of `load` are, by what is counted, for people to read."""
        return {"examples": len(examples)}

    def label_counts(self, examples: Sequence[Any]) -> dict[str, int]:
        """How often each label occurs in some examples of `load`; empty where there are none."""
        return {}

    def chance(self, examples: Sequence[Any]) -> float | None:
        """What guessing scores in the primary metric, a fraction; ``None`` where that says nothing.

        By default ``None`` for metrics other than ``accuracy``, and where there are no labels; else
        the accuracy of labels that are drawn at random, as often as each occurs: the sum of the
        squares of their shares.
        """
        counts = self.label_counts(examples).values() if self.primary_metric == "accuracy" else ()
        total = sum(counts)
        return sum((count / total) ** 2 for count in counts) if total else None

    def _read_rows(self, path: Path, language: str) -> Examples[Any]:
        found = []
        for number, row in parquet_rows(path, self.columns):
            try:
                found.append(self.from_row(row, language))
            except ValueError as error:
                raise DataError(f"row {number}: {error}", file=path) from None
        examples = [example for example in found if example is not None]
        left_out = len(found) - len(examples)
        return Examples(examples, {f"of {len(found):,} rows left out": left_out})

    def read_text(self, path: Path, language: str) -> Sequence[Any]:
        """Read a language's examples of a file in the task's text format.

        Returns:
            The examples; as `Examples`, where something was left out or mended.

        Raises:
            DataError: If the file is malformed; names the file and the line.
        """
        raise NotImplementedError

    @may_raise(ValueError)
    def from_row(self, row: Mapping[str, Any], language: str) -> Any | None:
        """Make an example of a row of the hub's data set; ``None`` to leave it out.

        Args:
            row: The `columns` of the row; class labels are names, or else as they were stored.
            language: Its language.

        Raises:
            ValueError: If a value breaks its rule; says the rule and the value.
        """
        raise NotImplementedError

    def featurize(
        self, examples: Sequence[Any], tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> list[Feature]:
        """Turn examples into rows of at most ``max_length`` subwords, special tokens included."""
        raise NotImplementedError

    def word_counts(
        self, features: Sequence[Feature], tokenizer: "PreTrainedTokenizerBase"
    ) -> WordCounts | None:
        """How the words that carry targets are read; ``None`` where words carry none.

        Args:
            features: What `featurize` made of some examples.
            tokenizer: With this tokenizer.
        """
        return None

    def training_rows(self, features: Sequence[Feature]) -> list[Feature]:
        """Those of the rows that `featurize` made of the train split that are trained on."""
        return list(features)

    def predict(self, outputs: "ModelOutput") -> "tuple[Tensor, ...]":
        """Reduce a batch's outputs, on their device, to what `metrics` needs.

        Several threads may call it at once: it keeps nothing between calls.

        Args:
            outputs: What the model with its head returned for a batch of rows.

        Returns:
            Tensors whose first dimension is the batch; a second one, if any, the subwords. By
            default the most probable class, of each row or of each subword.
        """
        return (outputs["logits"].argmax(dim=-1),)

    def metrics(
        self,
        examples: Sequence[Any],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """Score predictions.

        Args:
            examples: What `load` returned.
            features: What `featurize` made of them.
            predictions: For each feature, the arrays of `predict` without batch dimension and
                cut to the feature's length.

        Returns:
            Metrics by name, as fractions in [0, 1]; `primary_metric` is among them.
        """
        raise NotImplementedError

    def outcomes(
        self,
        examples: Sequence[Any],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> Outcomes | None:
        """What came of each example, to be kept beside the scores; ``None`` keeps nothing.

        Of tasks that say nothing here, a report's intervals know of seeds alone.

        Args:
            examples: What `load` returned.
            features: What `featurize` made of them.
            predictions: As `metrics` takes them.

        Returns:
            An entry for each example. The sums of `Outcomes.parts` come to what `metrics` says.
        """
        return None

    def scored(
        self,
        examples: Sequence[Any],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> tuple[Mapping[str, float], Outcomes | None]:
        """What `metrics` and what `outcomes` say; a task whose two share slow work does it once."""
        said = examples, features, predictions
        return self.metrics(*said), self.outcomes(*said)

    def texts(self, example: Any) -> Mapping[str, str]:
        """The texts of an example by what they are, for people to read; by default none."""
        return {}
