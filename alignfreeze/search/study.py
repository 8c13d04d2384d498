"""A study in Optuna's storage: its queues, its sampler and pruner, what its workers must know."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from alignfreeze.base.digests import file_digest, hash_of
from alignfreeze.base.paths import cache_root
from alignfreeze.base.versions import code_digest, imported_modules, library_versions
from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.contracts.registry import (
    ALIGNER,
    OBJECTIVE,
    STRATEGY,
    TASK,
    PluginKind,
    fingerprint,
)
from alignfreeze.data.bitexts import AUTO_ALIGNERS
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.runs.identity import HOW_FIELDS, config_hash
from alignfreeze.search.settings import FREE_FIELDS, SearchConfig
from alignfreeze.search.space_file import space_text
from alignfreeze.workers.queue import RUN_ID, TrialQueue, retry
from alignfreeze.workers.storage import begun_study, open_storage
from alignfreeze.workers.worker import Owner

CONFIG, SETTINGS, SPACE = "config", "settings", "space"
HOW, IDENTITY, HEARTBEAT = "how", "identity", "heartbeat"

DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
"""Of the first objective, and of the second, if there is one."""

VERSION = "version of alignfreeze"
"""What the code of the project itself is called where it is compared."""


class SearchStudy:
    """A study with the configuration that its trials vary; made if there is none of its name.

    Attributes:
        baseline: Trials of the baseline, one a seed.
        trials: Those of the search.
        final: The tests, one a configuration and seed.
    """

    def __init__(
        self, storage: RDBStorage, name: str, config: RunConfig, settings: SearchConfig
    ) -> None:
        self.name, self.config, self.settings = name, config, settings
        n_reports = len(settings.search_seeds) * len(config.task) * (settings.reports + 1)

        def queue(suffix: str, sampler: Callable[[int], BaseSampler] | None = None) -> TrialQueue:
            study = optuna.create_study(
                study_name=name + suffix,
                storage=storage,
                directions=DIRECTIONS[: 1 if suffix else len(settings.objectives)],
                pruner=make_pruner(settings, n_reports),
                load_if_exists=True,
            )
            return TrialQueue(study, storage, sampler)

        self.baseline = queue(":baseline")
        self.trials = queue("", lambda number: make_sampler(settings, number))
        self.final = queue(":final")

    def known(self, attribute: str) -> Any:
        """What the study remembers under a name; ``None`` if nothing."""
        return self.trials.study.user_attrs.get(attribute)

    def remember(self, attribute: str, value: Any) -> None:
        """Make the study remember something that JSON can say."""
        self.trials.study.set_user_attr(attribute, value)

    def begun_with(self, identity: Mapping[str, str]) -> str:
        """What was another when the study was begun than now (see `TrialContext.identity`)."""
        known = self.known(IDENTITY)
        if not isinstance(known, dict):  # one hash of all, as earlier versions have left it
            return f"another {VERSION}"
        return ", ".join(f"another {n}" for n, part in identity.items() if known.get(n) != part)

    @property
    def run_id(self) -> str:
        """The MLflow run that the study's runs are nested in."""
        return str(self.known(RUN_ID))

    @property
    def owner(self) -> Owner:
        """What its trials belong to."""
        return Owner(self.name, self.run_id)

    @property
    def models(self) -> Path:
        """Where the baseline's models wait for the tests."""
        return cache_root() / "search" / hash_of([self.name, self.run_id])[:16]


def study_name(config: RunConfig, settings: SearchConfig, space: str) -> str:
    """The name of a study that was given none: what its scores depend on, but data, hashed."""
    asked = settings.model_dump(mode="json", exclude=set(FREE_FIELDS))
    depends_on = [config_hash(config), asked, space, codes(config, settings)]
    return f"alignfreeze-{hash_of(depends_on)[:12]}"


def open_study(
    storage: RDBStorage, name: str, config: RunConfig, settings: SearchConfig
) -> SearchStudy:
    """Open a study, or make it if there is none of that name.

    Raises:
        ConfigError: If it was begun with other options, or by another program.
    """
    study = SearchStudy(storage, name, config, settings)
    inner = study.trials.study
    foreign = inner.trials or inner.directions != DIRECTIONS[: len(settings.objectives)]
    if study.known(CONFIG) is None and foreign:
        raise ConfigError(f"study {shown(name)} is not one of AlignFreeze's; give it another name")
    asked = {
        CONFIG: config.model_dump(mode="json", exclude=set(HOW_FIELDS)),
        SETTINGS: settings.model_dump(mode="json", exclude=set(FREE_FIELDS)),
        SPACE: space_text(settings),
    }
    for attribute, value in asked.items():
        known = study.known(attribute)
        if known is None:
            study.remember(attribute, value)
        elif value != known:
            other = "the space file's content"
            if isinstance(value, dict):
                changed = [n for n in value if known.get(n) != value[n]]
                other = ", ".join(f"{n} was {known.get(n)!r}, not {value[n]!r}" for n in changed)
            raise ConfigError(
                f"study {shown(name)} was begun with other options: {other}; give it another name"
            )
    study.remember(HEARTBEAT, settings.heartbeat)
    study.remember(HOW, config.model_dump(mode="json", include=set(HOW_FIELDS)))
    return study


@contextmanager
def find_study(name: str, url: str) -> Iterator[SearchStudy]:
    """Open a study that another process has made.

    Raises:
        ConfigError: If the storage cannot be opened, or has no such study.
    """
    attributes = begun_study(name, url, HEARTBEAT)
    heartbeat = attributes[HEARTBEAT]
    config = RunConfig.model_validate(attributes[CONFIG] | attributes.get(HOW, {}))
    # Whether there are references to test is the coordinator's to check.
    own = {"heartbeat": heartbeat, "references": ()}
    settings = SearchConfig.model_validate(attributes[SETTINGS] | own)
    with open_storage(url, heartbeat, retry) as storage:
        yield SearchStudy(storage, name, config, settings)


def make_sampler(settings: SearchConfig, number: int) -> BaseSampler:
    """The sampler of one trial.

    Seeded by the trial's number, so that no two workers draw the same. The cells of a grid are in
    the queue already.
    """
    entropy = np.random.SeedSequence([settings.search_seeds[0], number])
    seed = int(entropy.generate_state(1)[0])
    return TPESampler(seed=seed) if settings.sampler == "tpe" else RandomSampler(seed=seed)


def make_pruner(settings: SearchConfig, n_reports: int) -> BasePruner:
    """The pruner of a study whose trials report so often at most."""
    pruner = settings.chosen_pruner
    if pruner == "median":
        return StageMedianPruner(n_startup_trials=5)
    if pruner == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=max(n_reports, 1))
    return NopPruner()


class StageMedianPruner(BasePruner):
    """Stops a trial whose latest report is worse than the median of complete trials at that step.

    Optuna's `MedianPruner` takes a trial's *best* report so far instead. That is right where a
    trial only goes on learning. Where it goes on to another task or seed, what was good in the
    first part would cover whatever comes after it.

    It stops none at a step before ``n_startup_trials`` complete ones have reported there.

    Raises:
        ValueError: If that is less than one.
    """

    def __init__(self, n_startup_trials: int = 5) -> None:
        if n_startup_trials < 1:
            raise ValueError(f"n_startup_trials must be >= 1, got {n_startup_trials}")
        self._n_startup_trials = n_startup_trials

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to stop a trial; what is not a number is worse than anything."""
        step = trial.last_step
        if step is None:
            return False
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        reports = (other.intermediate_values.get(step, math.nan) for other in complete)
        others = [report for report in reports if not math.isnan(report)]
        if len(others) < self._n_startup_trials:
            return False
        own, middle = trial.intermediate_values[step], median(others)
        return not (own >= middle if study.direction == StudyDirection.MAXIMIZE else own <= middle)


def contender_code(config: RunConfig) -> str:
    """What identifies the code of the plugins by which a configuration realigns, for its tests."""
    own = [fingerprint(STRATEGY, config.strategy)]
    if config.strategy != BASELINE:
        own.append(fingerprint(OBJECTIVE, config.objective))
    return " ".join(own)


def search_code() -> str:
    """The hash of the search's own code that decides what a trial is worth: all that it imports."""
    files = imported_modules(["alignfreeze.search.trials"], below="alignfreeze.search.").values()
    return hash_of(sorted(file_digest(path) for path in files))


def codes(
    config: RunConfig, settings: SearchConfig, searched_aligners: Sequence[str] = ()
) -> dict[str, Any]:
    """What identifies the code of the project, the libraries, and each plugin, by what it is.

    The aligners to choose among, where they are searched, are among them; references are not, for
    trials do not depend on them.

    Raises:
        PluginError: If a plugin cannot be loaded.
    """
    plugins: list[tuple[PluginKind[Any], str]]
    plugins = [(STRATEGY, name) for name in settings.search_strategies or [config.strategy]]
    plugins += [(OBJECTIVE, name) for name in settings.search_objectives or [config.objective]]
    plugins += [(STRATEGY, BASELINE), *((TASK, name) for name in config.task)]
    for aligner in (config.aligner, *searched_aligners):
        plugins += [(ALIGNER, n) for n in (AUTO_ALIGNERS if aligner == "auto" else (aligner,))]
    return {
        VERSION: [code_digest(), search_code()],
        "version of a library": library_versions(),
        **{f"version of {kind.noun} {n!r}": fingerprint(kind, n) for kind, n in plugins},
    }
