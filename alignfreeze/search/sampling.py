"""How configurations are drawn, and when a trial is stopped: Optuna's samplers and pruners."""

import math
from statistics import median

import numpy as np
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from alignfreeze.search.settings import SearchConfig


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
