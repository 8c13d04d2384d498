"""Samplers that are seeded by the trial, and the pruners by their names."""

import itertools

import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler

from alignfreeze.search.pruning import StageMedianPruner
from alignfreeze.search.sampling import make_pruner, make_sampler, quiet
from alignfreeze.search.settings import SearchConfig

FINISHED = 12
"""More than the trials that TPE draws at random in the beginning."""


@pytest.fixture(autouse=True)
def silent_optuna():
    before = optuna.logging.get_verbosity()
    quiet()
    yield
    optuna.logging.set_verbosity(before)


def draw(sampler_of, number, finished=0):
    """What a trial draws beside some that are done."""
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=5))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=finished)
    study.sampler = sampler_of(number)
    trial = study.ask()
    return trial.suggest_float("x", 0, 1), trial.suggest_int("n", 0, 10**6)


@pytest.mark.parametrize("finished", [0, FINISHED])
@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_trial_draws_the_same_again_and_others_draw_other_values(sampler, finished):
    settings = SearchConfig(sampler=sampler)

    def sampler_of(number):
        return make_sampler(settings, number)

    drawn = [draw(sampler_of, number, finished) for number in range(8)]
    assert len(set(drawn)) == len(drawn)
    assert draw(sampler_of, 3, finished) == drawn[3]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_another_seed_draws_other_values(sampler):
    one, other = (SearchConfig(sampler=sampler, search_seeds=(seed,)) for seed in (31, 42))
    drawn = [draw(lambda n, s=settings: make_sampler(s, n), 0) for settings in (one, other)]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("name", "kind"), [("tpe", TPESampler), ("random", RandomSampler), ("grid", RandomSampler)]
)
def test_the_sampler_is_the_one_asked_for(name, kind):
    assert type(make_sampler(SearchConfig(sampler=name), 0)) is kind


def test_the_first_draws_cover_a_range_for_every_seed():
    for seed in (31, 42, 66, 23, 17):
        settings = SearchConfig(search_seeds=(seed,))
        study = optuna.create_study()
        drawn = set()
        for number in range(40):
            study.sampler = make_sampler(settings, number)
            drawn.add(study.ask().suggest_int("boundary", 0, 4))
        assert drawn == set(range(5))


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (SearchConfig(), StageMedianPruner),
        (SearchConfig(pruner="median"), StageMedianPruner),
        (SearchConfig(pruner="hyperband"), HyperbandPruner),
        (SearchConfig(pruner="none"), NopPruner),
        (SearchConfig(objectives=("mean", "harmed")), NopPruner),
    ],
)
def test_the_pruner_is_the_one_asked_for(settings, kind):
    assert type(make_pruner(settings, 4)) is kind


def pruned_steps(pruner, curves):
    """The report at which each trial is pruned, one after the other; None for those that end."""
    study = optuna.create_study(direction="maximize", pruner=pruner, study_name="curves")
    found = []
    for curve in curves:
        trial = study.ask()
        step = None
        for number, value in enumerate(curve, 1):
            trial.report(value, number)
            if trial.should_prune():
                step = number
                break
        state = optuna.trial.TrialState.PRUNED if step else None
        study.tell(trial, None if step else curve[-1], state=state)
        found.append(step)
    return found


def test_the_median_stops_what_is_below_it_after_five_trials():
    good, bad = [0.5, 0.6, 0.7], [0.1, 0.1, 0.1]
    steps = pruned_steps(make_pruner(SearchConfig(), 3), [good, bad, good, good, good, bad, good])
    assert steps == [None, None, None, None, None, 1, None]


def test_no_pruner_stops_nothing():
    curves = [[0.5, 0.6]] * 6 + [[0.1, 0.1]] * 2
    assert pruned_steps(make_pruner(SearchConfig(pruner="none"), 2), curves) == [None] * 8


@pytest.mark.parametrize("n_reports", [0, 1, 8])
def test_hyperband_takes_any_number_of_reports(n_reports):
    curves = [[0.1 * trial] * n_reports or [0.0] for trial in range(6)]
    pruner = make_pruner(SearchConfig(pruner="hyperband"), n_reports)
    assert len(pruned_steps(pruner, curves)) == len(curves)


def test_hyperband_stops_the_worst():
    falling = [[1 - 0.05 * trial] * 9 for trial in range(16)]
    steps = pruned_steps(make_pruner(SearchConfig(pruner="hyperband"), 9), falling)
    assert steps[0] is None
    assert any(steps)


@pytest.mark.parametrize("reports", [1, 2, 3, 5, 9])
def test_hyperband_decides_on_the_way_through_a_fine_tuning(reports):
    """A trial that turns bad at its last halving, 3 ** k <= reports, is stopped there."""
    last = max(3**k for k in range(3) if 3**k <= reports)
    good, bad = [0.9] * reports, [0.9] * (last - 1) + [0.1] * (reports - last + 1)
    pruner = make_pruner(SearchConfig(pruner="hyperband"), reports + 1)
    steps = pruned_steps(pruner, [good, bad] * 20)
    assert set(steps) == {None, last}
    assert set(steps[::2]) == {None}
    # All are, but for those that a bracket of later halvings, or of none, has.
    assert steps[1::2].count(last) >= 5


@pytest.mark.parametrize(
    ("pruner", "stopped"),
    [(StageMedianPruner(), True)]
    + [(HyperbandPruner(1, 8, factor), False) for factor in (2, 3, 4)],
)
def test_a_second_task_that_is_bad_is_why_hyperband_is_of_one(pruner, stopped):
    """Two tasks of four stages: the halvings, 1, 2, 4 or 1, 3 or 1, 4, lie in the first alone."""
    good, bad = [0.9] * 4 + [0.65] * 3, [0.9] * 4 + [0.45] * 3
    steps = pruned_steps(pruner, [good, bad] * 20)
    assert set(steps[11::2]) == {5 if stopped else None}


def test_no_halvings_reach_every_fine_tuning():
    """Why it is not a question of its settings: four fine-tunings, of up to 100 stages each."""
    for stages in range(1, 101):
        ends = [range(part * stages + 1, (part + 1) * stages + 1) for part in range(4)]
        for factor, first in itertools.product(range(2, 5), range(1, stages + 1)):
            halvings = [first * factor**k for k in range(20)]
            assert not all(any(step in part for step in halvings) for part in ends)


def test_optuna_leaves_telling_of_trials_to_this_package():
    optuna.logging.set_verbosity(optuna.logging.INFO)
    quiet()
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
