"""How configurations are drawn, and when a trial is stopped: Optuna's samplers and pruners."""

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from alignfreeze.search.pruning import StageMedianPruner
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


def quiet() -> None:
    """Leave it to this package to tell of trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
