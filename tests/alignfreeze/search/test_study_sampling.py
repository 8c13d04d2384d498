"""Samplers that are seeded by the trial, and the pruners by their names."""

import itertools
import math

import optuna
import pytest
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.study import StageMedianPruner, make_pruner, make_sampler

FINISHED = 12
"""More than the trials that TPE draws at random in the beginning."""


@pytest.fixture(autouse=True)
def silent_optuna():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
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


@pytest.fixture
def make_study():
    """A study whose trials have ended as given: dictionaries of reports by step."""

    def make(*complete, direction="maximize", others=()):
        study = optuna.create_study(direction=direction)
        for state, curves in ((TrialState.COMPLETE, complete), (TrialState.PRUNED, others)):
            for curve in curves:
                value = list(curve.values())[-1]
                trial = create_trial(state=state, value=value, intermediate_values=curve)
                study.add_trial(trial)
        return study

    return make


def decide(pruner, study, reports):
    """Whether a trial with some reports is stopped after the last of them."""
    trial = study.ask()
    for step, value in reports.items():
        trial.report(value, step)
    return pruner.prune(study, study.get_trials()[trial.number])


def test_what_was_better_before_does_not_count(make_study):
    study = make_study(*[{1: 0.9, 2: 0.65}] * 5)
    late_loser = {1: 0.95, 2: 0.5}
    assert decide(StageMedianPruner(), study, late_loser)
    assert not decide(MedianPruner(), study, late_loser)  # why it is not Optuna's own


@pytest.mark.parametrize(
    ("value", "stopped"),
    [(0.0, True), (math.nextafter(0.4, 0), True), (0.4, False), (0.9, False), (math.nan, True)],
)
def test_the_median_itself_is_good_enough(make_study, value, stopped):
    study = make_study(*({1: other} for other in (0.1, 0.2, 0.4, 0.6, 0.7)))
    assert decide(StageMedianPruner(), study, {1: value}) == stopped


def test_of_an_even_number_the_median_is_in_the_middle(make_study):
    study = make_study(*({1: other} for other in (0.1, 0.25, 0.5, 0.9)))
    pruner = StageMedianPruner(n_startup_trials=4)
    assert decide(pruner, study, {1: 0.374})
    assert not decide(pruner, study, {1: 0.375})


def test_the_other_direction_is_the_other_way_round(make_study):
    study = make_study(*[{1: 0.4}] * 5, direction="minimize")
    assert study.direction == StudyDirection.MINIMIZE
    assert decide(StageMedianPruner(), study, {1: 0.5})
    assert not decide(StageMedianPruner(), study, {1: 0.4})
    assert not decide(StageMedianPruner(), study, {1: 0.3})


def test_trials_are_compared_at_the_same_step_alone(make_study):
    study = make_study(*[{1: 0.9, 3: 0.9}] * 5)
    assert not decide(StageMedianPruner(), study, {2: 0.1})
    assert decide(StageMedianPruner(), study, {2: 0.1, 3: 0.1})


@pytest.mark.parametrize(
    ("complete", "stopped"),
    [
        ([{1: 0.9}] * 2, False),
        ([{1: 0.9}] * 3, True),
        ([{1: 0.9}] * 2 + [{2: 0.9}] * 3, False),  # gone on with after an interruption
        ([{1: 0.9}] * 2 + [{1: math.nan, 2: 0.9}], False),
    ],
)
def test_so_many_have_to_have_reported_there(make_study, complete, stopped):
    pruner = StageMedianPruner(n_startup_trials=3)
    assert decide(pruner, make_study(*complete), {1: 0.1}) == stopped


def test_only_complete_trials_count(make_study):
    study = make_study(*[{1: 0.5}] * 3, others=[{1: 0.1}] * 9)
    running = study.ask()
    running.report(0.0, 1)
    assert decide(StageMedianPruner(n_startup_trials=3), study, {1: 0.3})


def test_a_trial_without_a_report_goes_on(make_study):
    assert not decide(StageMedianPruner(), make_study(*[{1: 0.5}] * 5), {})


@pytest.mark.parametrize("number", [0, -3])
def test_there_has_to_be_something_to_compare_with(number):
    with pytest.raises(ValueError, match=f"^n_startup_trials must be >= 1, got {number}$"):
        StageMedianPruner(n_startup_trials=number)
