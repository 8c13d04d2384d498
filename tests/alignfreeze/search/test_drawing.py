"""Samplers that are seeded by the trial, and the pruners by their names."""

import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler

from alignfreeze.search.drawing import make_pruner, make_sampler, quiet
from alignfreeze.search.pruning import StageMedianPruner
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


def test_optuna_leaves_telling_of_trials_to_this_package():
    optuna.logging.set_verbosity(optuna.logging.INFO)
    quiet()
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
