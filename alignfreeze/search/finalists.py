"""What a search has found: the trials to test, and what their tests say."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    complete = [t for t in study.trials.trials() if t.state == TrialState.COMPLETE]
    if not complete:
        return []
    if len(study.settings.objectives) == 1:
        return [max(complete, key=lambda trial: trial.values[0])]
    front = [t for t in complete if not any(_beats(other, t) for other in complete)]
    return sorted(front, key=lambda trial: -trial.values[0])


def _beats(one: FrozenTrial, other: FrozenTrial) -> bool:
    """Whether a trial is no worse in both objectives, and better in one; ties go to the first."""
    mine, theirs = [(-t.values[0], t.values[1]) for t in (one, other)]
    no_worse = all(a <= b for a, b in zip(mine, theirs, strict=True))
    return no_worse and (mine != theirs or one.number < other.number)


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
    """What was tested so far of the contenders, in their order: the seeds that all of them have."""
    done = [t for t in study.final.trials() if t.state == TrialState.COMPLETE]
    found = []
    for name, config in contenders(study).items():
        wanted = (name, fingerprint(STRATEGY, config.strategy))
        own = [t for t in done if (t.user_attrs[CONTENDER], t.user_attrs[CODE]) == wanted]
        if own:
            found.append(Tested(name, [r for trial in own for r in scores_of(trial)]))
    return _with_common_seeds(found)


def _with_common_seeds(found: Sequence[Tested]) -> list[Tested]:
    """The results with seeds that all have, for means to compare; nothing if there are none."""
    seeds = [{result.seed for result in one.results} for one in found]
    common = set.intersection(*seeds) if seeds else set()
    if found and not common:
        names = ", ".join(one.name for one in found)
        logger.warning("the tests of %s have no seed in common, and are not shown", names)
        return []
    return [
        replace(
            one,
            results=[result for result in one.results if result.seed in common],
            left_out=tuple(sorted(own - common)),
        )
        for one, own in zip(found, seeds, strict=True)
    ]


def seeds_left_out(tested: Sequence[Tested]) -> list[str]:
    """Which seeds are in no mean, and whose tests with them are missing; a sentence each."""
    every = sorted({seed for one in tested for seed in one.left_out})
    lacking = {seed: [one.name for one in tested if seed not in one.left_out] for seed in every}
    return [
        f"Seed {seed} is left out: no test of {', '.join(names)} with it."
        for seed, names in lacking.items()
    ]
