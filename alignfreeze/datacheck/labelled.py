"""The labelled data of a task, split by split."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource, Split, Task
from alignfreeze.datacheck.telling import Line, told, told_below
from alignfreeze.errors import AlignFreezeError, MissingSplitError
from alignfreeze.evaluation.promises import check_examples, check_rows, check_trained
from alignfreeze.text.words import WordCounts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


EVALUATED: tuple[Split, ...] = ("validation", "test")
"""What a run reads of a target language."""


@dataclass
class SplitReport:
    """What a split of a language holds.

    Attributes:
        task: The task's name.
        language: The language.
        split: The split.
        counts: How much it is, by what is counted.
        labels: How often each label occurs.
        words: How the words that carry targets are read; ``None`` where words carry none.
        lines: What was told while it was read, such as what was left out.
        problem: Why a run would fail on it; empty if it would not.
    """

    task: str
    language: str
    split: Split
    counts: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    words: WordCounts | None = None
    lines: list[Line] = field(default_factory=list)
    problem: str = ""


def check_task(
    name: str,
    task: Task,
    config: RunConfig,
    source: DataSource,
    tokenizer: "PreTrainedTokenizerBase | None",
) -> Iterator[SplitReport]:
    """Read every split that a run reads, of those that a task has, and those that it would miss.

    Yields:
        A report a split, of the source language first.

    Raises:
        DataError: If it cannot be told which languages there are.
    """
    splits: tuple[Split, ...] = get_args(Split)
    present = {split: set(task.languages_in(source, split)) for split in splits}
    targets = set(config.languages) or set().union(*present.values())
    targets.discard(config.source_language)
    for language in (config.source_language, *sorted(targets)):
        is_source = language == config.source_language
        for split in splits if is_source else EVALUATED:
            needed = is_source or (split == "test" and language in config.languages)
            if needed or language in present[split]:
                report = SplitReport(name, language, split)
                _read(report, task, config, source, tokenizer)
                yield report


def _read(
    report: SplitReport,
    task: Task,
    config: RunConfig,
    source: DataSource,
    tokenizer: "PreTrainedTokenizerBase | None",
) -> None:
    """Do with a split what a run does before it trains."""
    with told(source.root) as report.lines:
        try:
            examples = task.load(source, report.language, report.split)
            check_examples(task, examples, report.language, report.split)
            report.counts = task.counts(examples)
            report.labels = task.label_counts(examples)
            if tokenizer is None:
                return
            is_trained_on = report.split == "train" and report.language == config.source_language
            length = config.max_length if is_trained_on else config.evaluated_length(report.task)
            reader = task if is_trained_on else task.evaluated()
            features = reader.featurize(examples, tokenizer, length)
            check_rows(task, features, len(examples), length)
            report.words = task.word_counts(features, tokenizer)
            if is_trained_on:
                trained = task.training_rows(features)
                check_trained(task, trained, len(features), length)
        except MissingSplitError as error:
            is_source = report.language == config.source_language
            if source.supplier is None:
                report.problem = f"there is no {report.split} split"
            elif is_source or (report.split == "test" and config.missing == "error"):
                report.problem = error.reason
            else:
                reason = error.reason
                report.lines.append(Line(f"left out: {reason}", is_warning=True))
        except AlignFreezeError as error:
            report.problem = told_below(source.root, str(error))
