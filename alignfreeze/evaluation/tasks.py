"""The tasks that a run asks for, and their languages, before any example is read."""

from collections.abc import Iterable, Sequence
from typing import Any

from alignfreeze.config import FOR_ALL, RunConfig, subset_of
from alignfreeze.contracts import DataSource, Task
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import shown


def create_tasks(config: RunConfig) -> dict[str, Task]:
    """The tasks of a configuration, each with those of `task_args` that are meant for it.

    Raises:
        AlignFreezeError: If one is unknown, or an argument is of none or breaks its rule.
    """
    args: dict[str, dict[str, Any]] = {name: {} for name in config.task}
    for key, value in config.task_args.items():
        name, dot, field = key.partition(".")
        if name not in args or not (dot or isinstance(value, dict)):
            raise ConfigError(
                f"task_args must be task.name=value with one of the tasks {', '.join(args)}, "
                f"got {shown(key)}"
            )
        args[name].update({field: value} if dot else value)
    check_lengths(config)
    return {name: create_plugin(TASK, name, given) for name, given in args.items()}


def check_lengths(config: RunConfig) -> None:
    """Check that lengths of evaluation are those of the tasks that are asked for.

    Raises:
        ConfigError: If one is of another.
    """
    for name in config.eval_max_length:
        if name not in (FOR_ALL, *config.task):
            raise ConfigError(
                "eval_max_length must be a number, or task=number with one of the tasks "
                f"{', '.join(config.task)}, got {shown(name)}"
            )


def target_languages(name: str, task: Task, config: RunConfig, source: DataSource) -> Sequence[str]:
    """The languages that a task is to be evaluated in, beside the source language.

    Raises:
        DataError: If the source language, or every other, has no test split; or in a folder, whose
            files do not come and go, one that is asked for.
        ConfigError: If the source language is among the target languages.
    """
    source_language = config.source_language
    known = task.languages_in(source)
    if source_language not in known:
        task.require_file(source, source_language, "test")
    targets = config.languages or [code for code in known if code != source_language]
    if not targets:
        raise DataError(f"{name}: no language but {shown(source_language)} has a test split")
    if source_language in targets:
        raise ConfigError(f"languages must not hold the source language {shown(source_language)}")
    if source.supplier is None:
        for language in targets:
            if language not in known:
                task.require_file(source, language, "test")
    return targets


def covered_languages(
    tasks: Iterable[Task], config: RunConfig, source: DataSource
) -> Sequence[str]:
    """The languages that those to be realigned are chosen to cover, if so: all tasks' targets.

    Those of the hub are what it is said to have, so that a choice is the same whoever makes it.

    Raises:
        DataError: If the data cannot be read.
    """
    subset = subset_of(config.realign_languages)
    if subset is None or not subset.by_targets:
        return ()
    if config.languages:
        return config.languages
    known = {code for task in tasks for code in task.languages_in(source)}
    return sorted(known - {config.source_language})
