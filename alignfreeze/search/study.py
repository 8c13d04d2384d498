"""A study in Optuna's storage: its three queues, and what its workers have to know."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection

from alignfreeze.base.caching import cache_root
from alignfreeze.base.digests import hash_of
from alignfreeze.base.versions import code_digest, library_versions
from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError
from alignfreeze.runs.identity import HOW_FIELDS, MEMORY_FIELDS, config_hash
from alignfreeze.search.code import VERSION, plugin_codes, search_code
from alignfreeze.search.sampling import make_pruner, make_sampler, quiet
from alignfreeze.search.settings import FREE_FIELDS, HARMED, SearchConfig
from alignfreeze.workers.queue import TrialQueue, retry
from alignfreeze.workers.storage import open_storage, require_existing

CONFIG = "config"
MEMORY = "memory"
SETTINGS = "settings"
SPACE = "space"
IDENTITY = "identity"
RUN_ID = "run_id"
FINISHED = "finished"
HEARTBEAT = "heartbeat"


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
    """

    name: str
    config: RunConfig
    settings: SearchConfig
    baseline: TrialQueue
    trials: TrialQueue
    final: TrialQueue

    def known(self, attribute: str) -> Any:
        """What the study remembers under a name; ``None`` if nothing."""
        return self.trials.study.user_attrs.get(attribute)

    def remember(self, attribute: str, value: Any) -> None:
        """Make the study remember something that JSON can say."""
        self.trials.study.set_user_attr(attribute, value)

    def begun_with(self, identity: Mapping[str, str]) -> str:
        """What was another when the study was begun, for a complaint; empty if nothing was.

        Args:
            identity: The hashes of what there is now (see `Ground.identity`).
        """
        known = self.known(IDENTITY)
        if not isinstance(known, dict):  # one hash of all, as earlier versions have left it
            return f"another {VERSION}"
        return ", ".join(f"another {n}" for n, part in identity.items() if known.get(n) != part)

    @property
    def run_id(self) -> str:
        """The MLflow run that the study's runs are nested in."""
        return str(self.known(RUN_ID))

    @property
    def models(self) -> Path:
        """Where the baseline's models wait for the tests."""
        return cache_root() / "search" / hash_of([self.name, self.run_id])[:16]


def study_name(config: RunConfig, settings: SearchConfig, space: str) -> str:
    """The name of a study that was given none: what its scores depend on, but data, hashed."""
    asked = settings.model_dump(mode="json", exclude=set(FREE_FIELDS))
    code = [code_digest(), search_code(), library_versions(), plugin_codes(config, settings)]
    depends_on = [config_hash(config), asked, space, *code]
    return f"alignfreeze-{hash_of(depends_on)[:12]}"


def open_study(
    storage: RDBStorage, name: str, config: RunConfig, settings: SearchConfig
) -> StudyHandle:
    """Open a study, or make it if there is none of that name.

    Raises:
        ConfigError: If it was begun with other options, or by another program.
    """
    handle = _handle(storage, name, config, settings)
    study = handle.trials.study
    foreign = study.trials or study.directions != _directions(settings)
    if handle.known(CONFIG) is None and foreign:
        raise ConfigError(f"study {name!r} is not one of AlignFreeze's; give it another name")
    asked = {
        CONFIG: config.model_dump(mode="json", exclude=set(HOW_FIELDS)),
        SETTINGS: settings.model_dump(mode="json", exclude=set(FREE_FIELDS)),
        SPACE: space_text(settings),
    }
    for attribute, value in asked.items():
        known = handle.known(attribute)
        if known is None:
            handle.remember(attribute, value)
        elif json.loads(json.dumps(value)) != known:
            raise ConfigError(
                f"study {name!r} was begun with other options: {_difference(known, value)}; "
                "give it another name"
            )
    handle.remember(HEARTBEAT, settings.heartbeat)
    handle.remember(MEMORY, config.model_dump(mode="json", include=set(MEMORY_FIELDS)))
    return handle


def space_text(settings: SearchConfig) -> str:
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
    """What was asked for, and is not what a study remembers."""
    if not isinstance(known, dict):
        return "the space file's content"
    asked = json.loads(json.dumps(asked))
    names = [name for name in asked if known.get(name) != asked[name]]
    return ", ".join(f"{name} was {known.get(name)!r}, not {asked[name]!r}" for name in names)


def run_of_study(storage: RDBStorage, name: str) -> str | None:
    """The MLflow run of a study; ``None`` if there is no such study."""
    return study_attributes(storage, name).get(RUN_ID)


def study_attributes(storage: RDBStorage, name: str) -> dict[str, Any]:
    """What a study remembers; nothing if there is no such study."""
    if name not in optuna.get_all_study_names(storage):
        return {}
    return optuna.load_study(study_name=name, storage=storage).user_attrs


def begun_study(name: str, url: str, mark: str) -> dict[str, Any]:
    """What a study remembers that another process has begun.

    Args:
        name: Its name.
        url: Optuna's storage.
        mark: What all studies of the kind remember.

    Raises:
        ConfigError: If the storage cannot be opened, or has no such study.
    """
    require_existing(url)
    with open_storage(url, SearchConfig().heartbeat) as storage:
        attributes = study_attributes(storage, name)
        if mark not in attributes:
            names = optuna.get_all_study_names(storage)
            known = ", ".join(n for n in sorted(names) if mark in study_attributes(storage, n))
            raise ConfigError(
                f"study {name!r} is not in the storage; studies that are: {known or 'none'}"
            )
    return attributes


@contextmanager
def find_study(name: str, url: str) -> Iterator[StudyHandle]:
    """Open a study that another process has made.

    Raises:
        ConfigError: If the storage cannot be opened, or has no such study.
    """
    attributes = begun_study(name, url, HEARTBEAT)
    heartbeat = attributes[HEARTBEAT]
    config = RunConfig.model_validate(attributes[CONFIG] | attributes.get(MEMORY, {}))
    # Whether there are references to test is the coordinator's to check.
    own = {"heartbeat": heartbeat, "references": ()}
    settings = SearchConfig.model_validate(attributes[SETTINGS] | own)
    with open_storage(url, heartbeat, retry) as storage:
        yield _handle(storage, name, config, settings)


def _directions(settings: SearchConfig) -> list[StudyDirection]:
    maximize, minimize = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    return [maximize, minimize] if HARMED in settings.objectives else [maximize]


def _handle(
    storage: RDBStorage, name: str, config: RunConfig, settings: SearchConfig
) -> StudyHandle:
    quiet()
    n_reports = len(settings.search_seeds) * len(config.task) * (settings.reports + 1)

    def queue(suffix: str, sampler: Callable[[int], BaseSampler] | None = None) -> TrialQueue:
        study = optuna.create_study(
            study_name=name + suffix,
            storage=storage,
            directions=[StudyDirection.MAXIMIZE] if suffix else _directions(settings),
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
    )
