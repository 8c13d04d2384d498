"""What a search has found: the trials to test, and what their tests say."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.contracts.registry import STRATEGY, fingerprint
from alignfreeze.search.context import reference
from alignfreeze.search.objective import TaskScores
from alignfreeze.search.study import SearchStudy
from alignfreeze.search.trials import CODE, CONFIG, CONTENDER, scores_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tested:
    """A configuration that was tested.

    Attributes:
        name: ``trial-<number>``, or a reference's name.
        results: All scores, by task and seed.
        left_out: Seeds that it was tested with as well, and others were not.
    """

    name: str
    results: Sequence[TaskScores]
    left_out: Sequence[int] = ()


def best_trials(study: SearchStudy) -> list[FrozenTrial]:
    """The best trial, or all of the Pareto front, the one with the best first objective first."""
    front = study.trials.study.best_trials
    # Of equal trials, the first.
    best = {tuple(t.values): t for t in sorted(front, key=lambda t: -t.number)}
    return sorted(best.values(), key=lambda trial: -trial.values[0])


def contenders(study: SearchStudy) -> dict[str, RunConfig]:
    """What is to be tested, by name: what was selected, the references, the baseline."""
    selected = best_trials(study)[: study.settings.finalists]
    return {
        **{f"trial-{trial.number}": config_of(trial) for trial in selected},
        **{name: reference(study.config, name) for name in (*study.settings.references, BASELINE)},
    }


def config_of(trial: FrozenTrial) -> RunConfig:
    """A trial's configuration, as a normal run takes it."""
    config = RunConfig.model_validate(trial.user_attrs[CONFIG])
    return config.model_copy(update={"reuse": True, "resume": False})


def tested(study: SearchStudy) -> list[Tested]:
    """What was tested so far of the contenders, in their order: the seeds that all of them have.

    Means of others would not compare; nothing if there are none.
    """
    done = [t for t in study.final.trials() if t.state == TrialState.COMPLETE]
    found: dict[str, list[TaskScores]] = {}
    for name, config in contenders(study).items():
        wanted = (name, fingerprint(STRATEGY, config.strategy))
        own = [t for t in done if (t.user_attrs[CONTENDER], t.user_attrs[CODE]) == wanted]
        if own:
            found[name] = [result for trial in own for result in scores_of(trial)]
    seeds = {name: {result.seed for result in results} for name, results in found.items()}
    common = set.intersection(*seeds.values()) if seeds else set()
    if found and not common:
        names = ", ".join(found)
        logger.warning("the tests of %s have no seed in common, and are not shown", names)
        return []
    return [
        Tested(name, [r for r in results if r.seed in common], sorted(seeds[name] - common))
        for name, results in found.items()
    ]


def seeds_left_out(tested: Sequence[Tested]) -> list[str]:
    """Which seeds are in no mean, and whose tests with them are missing; a sentence each."""
    every = sorted({seed for one in tested for seed in one.left_out})
    lacking = {seed: [one.name for one in tested if seed not in one.left_out] for seed in every}
    return [
        f"Seed {seed} is left out: no test of {', '.join(names)} with it."
        for seed, names in lacking.items()
    ]
