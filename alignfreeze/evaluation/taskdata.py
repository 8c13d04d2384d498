"""A task's examples in every language of a run, read and checked early, tokenized once."""

import logging
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from alignfreeze.base.digests import file_digest
from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource, Feature, Split, Task
from alignfreeze.contracts.registry import TASK, fingerprint
from alignfreeze.data.missing import Policy, check_missing
from alignfreeze.errors import MissingSplitError
from alignfreeze.evaluation.promises import check_examples, check_rows, check_trained
from alignfreeze.evaluation.scores import EvaluationSet
from alignfreeze.evaluation.tasks import target_languages
from alignfreeze.text.words import WordCounts, summed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


def metric_note(name: str, task: Task | type[Task], metric: str) -> str:
    """What the reader of a table has to know of a task's metric; empty where it is plain."""
    note = task.metric_notes.get(metric)
    return f"{name} {metric}: {note}." if note else ""


class TaskData:
    """A task with all examples that a run trains and evaluates on.

    Args:
        name: The name that the task is registered under.
        task: The task.
        config: Languages, and subwords of a row, in training and in evaluation.
        source: Where the examples come from.
        tokenizer: The encoder's.

    Attributes:
        digest: Of the task's code.
        targets: The languages to evaluate in, beside the source language.
        missing: The languages that are left out, since the hub turned out to have no test split.

    Raises:
        PluginError: If a method of the task fails, or returns what it must not.
        DataError: If a file is malformed; or if the source language, one that is asked for, or
            every other has no test split (of the hub, those that are asked for may have none).
        ConfigError: If the source language is among the target languages.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        config: RunConfig,
        *,
        source: DataSource,
        tokenizer: "PreTrainedTokenizerBase",
    ) -> None:
        source_language = config.source_language
        targets = target_languages(name, task, config, source)
        self.name = name
        self.task = task
        self.digest = fingerprint(TASK, name)
        self._source_language = source_language
        self._tokenizer = tokenizer
        self._max_length = config.max_length
        self._evaluated = task.evaluated()
        self._evaluated_length = config.evaluated_length(name)
        self._examples: dict[tuple[str, Split], Sequence[Any]] = {}
        self._sets: dict[tuple[str, Split], EvaluationSet] = {}
        self._files: dict[str, str] = {}
        for split in get_args(Split):
            self._read(source, source_language, split)
        self.missing = self._missing_tests(source, targets, config.missing)
        self.targets = tuple(code for code in targets if code not in self.missing)
        untold = []
        for language in self.targets:
            try:
                self._read(source, language, "validation")
            except MissingSplitError:
                untold.append(language)
            self._read(source, language, "test")
        if untold:
            logger.warning("%s: no validation split of %s", self.name, " ".join(untold))

    def _missing_tests(
        self, source: DataSource, targets: Sequence[str], policy: Policy
    ) -> tuple[str, ...]:
        """Those of the target languages that the hub turns out to have no test split of."""
        reasons = {}
        for language in targets:
            try:
                self.task.require_file(source, language, "test")
            except MissingSplitError as error:
                # What is in a folder does not come and go; nor does what a task knows.
                if source.supplier is None or self.task.hub_split(language, "test") is None:
                    raise
                reasons[language] = error.reason
        check_missing(f"test split for {self.name}", reasons, len(targets), policy)
        return tuple(reasons)

    def _read(self, source: DataSource, language: str, split: Split) -> None:
        examples = self.task.load(source, language, split)
        check_examples(self.task, examples, language, split)
        self._examples[language, split] = examples
        file = self.task.require_file(source, language, split)
        self._files[f"{language}/{split}"] = file_digest(file)

    @property
    def metric_note(self) -> str:
        """What the reader of a table has to know of the primary metric; empty where it is plain."""
        return metric_note(self.name, self.task, self.task.primary_metric)

    @property
    def identity(self) -> dict[str, Any]:
        """What a result depends on: the task's name, hyperparameters and code, and the data."""
        return {
            "task": self.name,
            "args": self.task.model_dump(mode="json"),
            "code": self.digest,
            "data": self._files,
            "evaluated_length": self._evaluated_length,
        }

    @cached_property
    def training_features(self) -> list[Feature]:
        """The rows to fine-tune on."""
        examples = self._examples[self._source_language, "train"]
        rows = self.task.featurize(examples, self._tokenizer, self._max_length)
        check_rows(self.task, rows, len(examples), self._max_length)
        trained = self.task.training_rows(rows)
        check_trained(self.task, trained, len(rows), self._max_length)
        return trained

    def examples(self, language: str, split: Split) -> Sequence[Any]:
        """The examples of a split that a language of the run has."""
        return self._examples[language, split]

    def example_count(self, splits: Collection[Split]) -> int:
        """How many examples some splits have, all languages together."""
        return sum(len(found) for key, found in self._examples.items() if key[1] in splits)

    def evaluation_sets(self, splits: Collection[Split]) -> list[EvaluationSet]:
        """Some splits of every language that has them, tokenized once."""
        keys = [key for key in self._examples if key[1] in splits]
        for key in keys:
            if key not in self._sets:
                examples = self._examples[key]
                self._sets[key] = EvaluationSet(*key, examples, self._evaluation_rows(examples))
        return [self._sets[key] for key in keys]

    def first_validated(self, count: int) -> EvaluationSet:
        """The first examples of the source language's validation split, tokenized."""
        key: tuple[str, Split] = self._source_language, "validation"
        examples = self._examples[key][:count]
        return EvaluationSet(*key, examples, self._evaluation_rows(examples))

    def word_counts(self, splits: Collection[Split]) -> dict[str, WordCounts]:
        """How the words of some splits are read, by language; empty where words have no targets."""
        found: dict[str, list[WordCounts]] = {}
        for chosen in self.evaluation_sets(splits):
            counts = self.task.word_counts(chosen.features, self._tokenizer)
            if counts is not None:
                found.setdefault(chosen.language, []).append(counts)
        return {language: summed(counts) for language, counts in found.items()}

    def languages(self, split: Split) -> list[str]:
        """The languages of the run that have a split."""
        return [language for language, found in self._examples if found == split]

    def sizes(self, split: Split) -> dict[str, int]:
        """How many examples a split has, by language; of the training split those trained on."""
        return {code: len(self._examples[code, split]) for code in self.languages(split)}

    def contents(self, split: Split) -> dict[str, str]:
        """The hash of the file of a split, by language."""
        return {code: self._files[f"{code}/{split}"] for code in self.languages(split)}

    def _evaluation_rows(self, examples: Sequence[Any]) -> list[Feature]:
        length = self._evaluated_length
        rows = self._evaluated.featurize(examples, self._tokenizer, length)
        check_rows(self.task, rows, len(examples), length)
        return rows
