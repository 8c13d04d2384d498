"""A task's examples in every language of a run, read and checked early, tokenized once."""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from alignfreeze.caching import file_digest
from alignfreeze.contracts import DataSource, Feature, Split, Task
from alignfreeze.evaluate import EvaluationSet

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


class TaskData:
    """A task with all examples that a run trains and evaluates on.

    Args:
        name: The name that the task is registered under.
        task: The task.
        digest: Of its code.
        source: Where the examples come from.
        source_language: The language to fine-tune in.
        targets: The languages to evaluate in, besides.
        tokenizer: The encoder's.
        max_length: Subwords of a row, special tokens included.

    Raises:
        DataError: If a file is malformed, or a language has no test split.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        digest: str,
        *,
        source: DataSource,
        source_language: str,
        targets: Sequence[str],
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
    ) -> None:
        self.name = name
        self.task = task
        self.digest = digest
        self.targets = tuple(targets)
        self._source_language = source_language
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._examples: dict[tuple[str, Split], Sequence[Any]] = {}
        self._files: dict[str, str] = {}
        for language, split in self._wanted(source):
            self._examples[language, split] = task.load(source, language, split)
            file = task.require_file(source, language, split)
            self._files[f"{language}/{split}"] = file_digest(file)

    def _wanted(self, source: DataSource) -> list[tuple[str, Split]]:
        """The splits to read; a target language may lack a validation split."""
        wanted: list[tuple[str, Split]] = [
            (self._source_language, split) for split in get_args(Split)
        ]
        for language in self.targets:
            if self.task.file(source, language, "validation").is_file():
                wanted.append((language, "validation"))
            else:
                logger.warning("%s: %s has no validation split", self.name, language)
            wanted.append((language, "test"))
        return wanted

    @property
    def identity(self) -> dict[str, Any]:
        """What a result depends on: the task's name, hyperparameters and code, and the data."""
        return {
            "task": self.name,
            "args": self.task.model_dump(mode="json"),
            "code": self.digest,
            "data": self._files,
        }

    @cached_property
    def training_features(self) -> list[Feature]:
        """The rows to fine-tune on."""
        return self._featurize(self._examples[self._source_language, "train"])

    @cached_property
    def evaluation_sets(self) -> list[EvaluationSet]:
        """The validation and test splits of every language, tokenized."""
        return [
            EvaluationSet(language, split, examples, self._featurize(examples))
            for (language, split), examples in self._examples.items()
            if split != "train"
        ]

    def _featurize(self, examples: Sequence[Any]) -> list[Feature]:
        return self.task.featurize(examples, self._tokenizer, self._max_length)
