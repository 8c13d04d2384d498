"""The median rule at each stage, with values by hand."""

import math

import optuna
import pytest
from optuna.pruners import MedianPruner
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from alignfreeze.search.pruning import StageMedianPruner


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
