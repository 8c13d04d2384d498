"""A whole data folder, read as a run would read it."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource, Split, Task
from alignfreeze.contracts.registry import TASK, catalogue, create_plugin
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.data.language_choice import language_choice
from alignfreeze.datacheck.labelled import SplitReport, check_task
from alignfreeze.datacheck.parallel import PairReport, check_parallel_text
from alignfreeze.datacheck.telling import told_below
from alignfreeze.datacheck.unused import Unused, unused_files
from alignfreeze.encoders.loading import load_tokenizer
from alignfreeze.errors import AlignFreezeError, ConfigError, DataError, EncoderError
from alignfreeze.evaluation.tasks import covered_languages, create_tasks
from alignfreeze.messages import shown
from alignfreeze.tracking.names import check_languages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass
class DataReport:
    """What a data source holds.

    Attributes:
        splits: Of each task, its splits.
        pairs: The parallel text of each language.
        unused: What nothing reads.
        lines: What else there is to say.
        problems: Why a run on it would fail, each with where; empty if it would not.
    """

    splits: dict[str, list[SplitReport]] = field(default_factory=dict)
    pairs: list[PairReport] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def check_data(config: RunConfig, *, every_task: bool, any_model: bool) -> DataReport:
    """Read all that a run with a configuration could read, and go on where it would stop.

    Args:
        config: Data, model (for its tokenizer), languages and whatever else reading depends on.
        every_task: Read every task that there is data of, not those of the configuration.
        any_model: Go on without a tokenizer if that of the configuration cannot be had; how words
            are read is then left out.

    Raises:
        AlignFreezeError: If there is no such data, task or model.
    """
    source = find_data(config.data, max_pairs=config.pair_limit)
    known = _usable_tasks()
    if every_task:
        names = [name for name, task in known.items() if _has_data(task, source)]
        config = config.model_copy(update={"task": tuple(names)})
    tasks = create_tasks(config)
    report = DataReport()
    tokenizer = _tokenizer(config, report, any_model=any_model)
    report.problems += _unfit_options(config, tokenizer)
    for name, task in tasks.items():
        logger.info("reading %s", name)
        _check_task(name, task, config, source, tokenizer, report)
    logger.info("reading parallel text")
    try:
        targets = covered_languages(tasks.values(), config, source)
        if choice := language_choice(source, config, targets):
            report.lines += filter(None, (str(choice), choice.warning))
        report.pairs += check_parallel_text(config, source, tokenizer, targets)
    except ConfigError as error:
        report.problems.append(str(error))
    except DataError as error:
        report.problems.append(f"parallel text: {told_below(source.root, str(error))}")
    report.problems += [
        f"parallel text, {pair.language}: {pair.problem}" for pair in report.pairs if pair.problem
    ]
    _check_whole(report, config)
    _check_codes(report, config, together=not every_task)
    if source.supplier is None:
        report.unused = unused_files(source, known | tasks, config.source_language)
    return report


def _usable_tasks() -> dict[str, Task]:
    """Every task that is not broken and needs no hyperparameter."""
    found = {}
    for info in catalogue([TASK]):
        try:
            found[info.name] = create_plugin(TASK, info.name, {})
        except AlignFreezeError as error:
            logger.warning("%s", error)
    return found


def _has_data(task: Task, source: DataSource) -> bool:
    """Whether a language has any split, or what says so cannot be read."""
    try:
        return any(task.languages_in(source, split) for split in get_args(Split))
    except DataError:
        return True


def _tokenizer(
    config: RunConfig, report: DataReport, *, any_model: bool
) -> "PreTrainedTokenizerBase | None":
    try:
        return load_tokenizer(find_model(config.model), remove_marks=config.word_marks == "removed")
    except EncoderError as error:
        if not any_model:
            raise
        report.lines.append(f"how a tokenizer reads the words is not told, give --model: {error}")
        return None


def _unfit_options(config: RunConfig, tokenizer: "PreTrainedTokenizerBase | None") -> Iterator[str]:
    """Options that a run would refuse, whatever data there is."""
    if config.source_language in config.languages:
        source = config.source_language
        yield f"languages must not hold the source language {shown(source)}"
    for name in ("realign_max_length", "max_length"):
        length = getattr(config, name)
        if tokenizer is not None and length > tokenizer.model_max_length:
            most = int(tokenizer.model_max_length)
            yield f"{name} must be <= {most}, as the model's tokenizer says, got {length}"


def _check_task(
    name: str,
    task: Task,
    config: RunConfig,
    source: DataSource,
    tokenizer: "PreTrainedTokenizerBase | None",
    report: DataReport,
) -> None:
    splits = report.splits[name] = []
    try:
        splits += check_task(name, task, config, source, tokenizer)
    except DataError as error:
        report.problems.append(f"{name}: {told_below(source.root, str(error))}")
    report.problems += [
        f"{name}, {split.language} {split.split}: {split.problem}"
        for split in splits
        if split.problem
    ]
    if splits and _tested(splits) <= {config.source_language}:
        report.problems.append(
            f"{name}: no language but {config.source_language!r} has a test split"
        )


def _check_whole(report: DataReport, config: RunConfig) -> None:
    """What a run needs beside files that can be read."""
    if not report.splits:
        report.problems.append("no task has data here, and a run needs one")
        return
    if config.realign_languages:
        return
    targets = set().union(*map(_tested, report.splits.values())) - {config.source_language}
    with_text = {pair.language for pair in report.pairs}
    if targets and not targets & with_text:
        report.problems.append(
            "no target language has parallel text: a run that realigns would fail, one with "
            "strategy=baseline would not"
        )
    elif targets - with_text:
        missing = " ".join(sorted(targets - with_text))
        report.lines.append(f"target languages without parallel text: {missing}")


def _check_codes(report: DataReport, config: RunConfig, *, together: bool) -> None:
    """Check that the languages of each task, or of all together, can be told apart in names."""
    tested = {name: _tested(splits) for name, splits in report.splits.items()}
    if together:
        tested = {", ".join(tested): set().union(*tested.values())}
    for name, languages in tested.items():
        try:
            check_languages([config.source_language, *config.realign_languages, *sorted(languages)])
        except ConfigError as error:
            report.problems.append(f"{name}: {error}")


def _tested(splits: Sequence[SplitReport]) -> set[str]:
    """The languages that have a test split, or ought to have one."""
    return {split.language for split in splits if split.split == "test"}
