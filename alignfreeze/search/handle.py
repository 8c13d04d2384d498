"""A study in Optuna's storage: its three queues, and what its workers have to know."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection

from alignfreeze.caching import cache_root
from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError
from alignfreeze.identity import config_hash, hash_of
from alignfreeze.search.drawing import make_pruner, make_sampler, quiet
from alignfreeze.search.queue import TrialQueue, open_storage
from alignfreeze.search.settings import FREE_FIELDS, HARMED, SearchConfig

CONFIG = "config"
SETTINGS = "settings"
SPACE = "space"
IDENTITY = "identity"
RUN_ID = "run_id"
FINISHED = "finished"


@dataclass(frozen=True)
class StudyHandle:
    """A study, opened.

    Attributes:
        name: Its name.
        config: The configuration that its trials vary.
        settings: What is searched for, and how.
        baseline: The baseline, a trial a seed.
        trials: The trials of the search.
        final: The tests, a trial a configuration and seed.
        storage: Where it is.
    """

    name: str
    config: RunConfig
    settings: SearchConfig
    baseline: TrialQueue
    trials: TrialQueue
    final: TrialQueue
    storage: RDBStorage

    def known(self, attribute: str) -> Any:
        """What the study remembers under a name; ``None`` if nothing."""
        return self.trials.study.user_attrs.get(attribute)

    def remember(self, attribute: str, value: Any) -> None:
        """Make the study remember something that JSON can say."""
        self.trials.study.set_user_attr(attribute, value)

    @property
    def run_id(self) -> str:
        """The MLflow run that the study's runs are nested in."""
        return str(self.known(RUN_ID))

    @property
    def models(self) -> Path:
        """Where the baseline's models wait for the tests."""
        return cache_root() / "search" / hash_of([self.name, self.run_id])[:16]


def study_name(config: RunConfig, settings: SearchConfig, space: str) -> str:
    """The name of a study that was given none: what its scores depend on, hashed."""
    depends_on = settings.model_dump(mode="json", exclude=set(FREE_FIELDS))
    return f"alignfreeze-{hash_of([config_hash(config), depends_on, space])[:12]}"


@contextmanager
def open_study(
    config: RunConfig, settings: SearchConfig, url: str, *, name: str
) -> Iterator[StudyHandle]:
    """Open a study, or make it if there is none of that name.

    Raises:
        ConfigError: If the storage cannot be opened, or the study was made with other options.
    """
    space = read_space(settings)
    with open_storage(url, settings.heartbeat) as storage:
        handle = _handle(storage, name, config, settings)
        _remember_options(handle, space)
        yield handle


def _remember_options(handle: StudyHandle, space: str) -> None:
    """Make a new study remember what it was begun with, and an old one be asked for the same."""
    asked = {
        CONFIG: handle.config.model_dump(mode="json"),
        SETTINGS: handle.settings.model_dump(mode="json", exclude=set(FREE_FIELDS)),
        SPACE: space,
    }
    for attribute, value in asked.items():
        known = handle.known(attribute)
        if known is None:
            handle.remember(attribute, value)
        elif json.loads(json.dumps(value)) != known:
            raise ConfigError(
                f"study {handle.name!r} was begun with other options: {_difference(known, value)}; "
                "give it another name"
            )


def read_space(settings: SearchConfig) -> str:
    """The text of the space file; empty if there is none.

    Raises:
        ConfigError: If it cannot be read.
    """
    if not settings.space:
        return ""
    path = Path(settings.space).expanduser()
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"space: cannot read {path}: {reason}") from None


def _difference(known: Any, asked: Any) -> str:
    if not isinstance(known, dict):
        return "the space file's content"
    asked = json.loads(json.dumps(asked))
    names = [name for name in asked if known.get(name) != asked[name]]
    return ", ".join(f"{name} was {known.get(name)!r}, not {asked[name]!r}" for name in names)


@contextmanager
def find_study(name: str, url: str, heartbeat: int) -> Iterator[StudyHandle]:
    """Open a study that another process has made.

    Raises:
        ConfigError: If the storage cannot be opened, or has no such study.
    """
    with open_storage(url, heartbeat) as storage:
        names = [summary.study_name for summary in optuna.get_all_study_summaries(storage)]
        if name not in names:
            known = ", ".join(sorted(n for n in names if ":" not in n)) or "none"
            raise ConfigError(f"study {name!r} is not in the storage; studies that are: {known}")
        attributes = optuna.load_study(study_name=name, storage=storage).user_attrs
        config = RunConfig.model_validate(attributes[CONFIG])
        settings = SearchConfig.model_validate(attributes[SETTINGS] | {"heartbeat": heartbeat})
        yield _handle(storage, name, config, settings)


def _handle(
    storage: RDBStorage, name: str, config: RunConfig, settings: SearchConfig
) -> StudyHandle:
    quiet()
    maximize, minimize = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    directions = [maximize, minimize] if HARMED in settings.objectives else [maximize]
    n_reports = len(settings.search_seeds) * len(config.task) * (settings.reports + 1)

    def queue(suffix: str, sampler: Callable[[int], BaseSampler] | None = None) -> TrialQueue:
        study = optuna.create_study(
            study_name=name + suffix,
            storage=storage,
            directions=[maximize] if suffix else directions,
            pruner=make_pruner(settings, n_reports),
            load_if_exists=True,
        )
        return TrialQueue(study, storage, sampler)

    return StudyHandle(
        name,
        config,
        settings,
        baseline=queue(":baseline"),
        trials=queue("", lambda number: make_sampler(settings, number)),
        final=queue(":final"),
        storage=storage,
    )
