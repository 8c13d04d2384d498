"""What is selected of a study's trials, and what was tested of it."""

import json
import random
from contextlib import ExitStack
from itertools import count

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.evaluation.scores import Score
from alignfreeze.search import finalists
from alignfreeze.search.context import reference
from alignfreeze.search.finalists import best_trials, config_of, contenders
from alignfreeze.search.objective import TaskScores
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.study import contender_code, open_study
from alignfreeze.search.trials import CODE, CONFIG, CONTENDER, SCORES, SEED
from alignfreeze.workers.queue import GIVEN_BACK, retry
from alignfreeze.workers.storage import open_storage

RUN = RunConfig(strategy="front", strategy_args={"boundary": 3}, languages=("de",))


@pytest.fixture
def open_handle(tmp_path):
    """Opens a study with some settings; the storage lives as long as the test."""
    before = optuna.logging.get_verbosity()
    numbers = count()
    with ExitStack() as stack:

        def opener(**settings):
            url = f"sqlite:///{tmp_path / 'optuna.db'}"
            storage = stack.enter_context(open_storage(url, 30, retry))
            return open_study(storage, f"study-{next(numbers)}", RUN, SearchConfig(**settings))

        yield opener
    optuna.logging.set_verbosity(before)


def add(study, *values, state=TrialState.COMPLETE, temperature=0.5, **attributes):
    """Adds a trial that a worker has ended, with the configuration that it had."""
    config = RUN.model_copy(
        update={"temperature": temperature, "reuse": False, "resume": True, "seed": 31}
    )
    study.trials.study.add_trial(
        create_trial(
            state=state,
            values=list(values) or None,
            params={"temperature": temperature},
            distributions={"temperature": FloatDistribution(0.02, 1.0)},
            user_attrs={CONFIG: config.model_dump(mode="json")} | attributes,
        )
    )


def add_test(study, name, seed, value, state=TrialState.COMPLETE, code=None):
    """Adds a test of a contender with one seed, by default with the code that its strategy has."""
    strategy = RUN.strategy if name.startswith("trial") else name
    config = reference(RUN, strategy)
    scores = [["pos", seed, [["de", "test", "accuracy", value]]]]
    attributes = {CONTENDER: name, SEED: seed, CODE: code or contender_code(config)}
    if state == TrialState.COMPLETE:
        attributes[SCORES] = json.dumps(scores)
    study.final.study.add_trial(
        create_trial(
            state=state,
            values=[0.0] if state == TrialState.COMPLETE else None,
            user_attrs=attributes,
        )
    )


def numbers(trials):
    return [trial.number for trial in trials]


# One objective


def test_the_best_of_one_objective_is_the_highest(open_handle):
    study = open_handle()
    for value in (0.4, 0.7, 0.6):
        add(study, value)
    assert numbers(best_trials(study)) == [1]


def test_of_equal_trials_the_first_is_the_best(open_handle):
    study = open_handle()
    for value in (0.4, 0.7, 0.7):
        add(study, value)
    assert numbers(best_trials(study)) == [1]


def test_only_complete_trials_can_be_the_best(open_handle):
    study = open_handle()
    add(study, state=TrialState.FAIL)
    add(study, state=TrialState.RUNNING)
    add(study, state=TrialState.WAITING)
    pruned = create_trial(state=TrialState.PRUNED, value=0.9, intermediate_values={1: 0.9})
    study.trials.study.add_trial(pruned)
    assert best_trials(study) == []
    add(study, 0.1)
    assert numbers(best_trials(study)) == [4]


def test_a_trial_that_was_given_back_is_not_selected(open_handle):
    study = open_handle()
    add(study, state=TrialState.FAIL, **{GIVEN_BACK: True})
    add(study, 0.3)
    assert numbers(best_trials(study)) == [1]


# Two objectives


def naive_front(points):
    """The indices of points that no other beats, the first of equal ones; quadratic."""
    front = []
    for place, (mean, harmed) in enumerate(points):
        beaten = False
        for other, (other_mean, other_harmed) in enumerate(points):
            if other_mean >= mean and other_harmed <= harmed:
                better = other_mean > mean or other_harmed < harmed
                beaten = beaten or better or other < place
        if not beaten:
            front.append(place)
    return sorted(front, key=lambda place: points[place][0], reverse=True)


@pytest.mark.parametrize("seed", range(6))
def test_the_pareto_front_is_what_nothing_beats(open_handle, seed):
    draw = random.Random(seed)
    points = [(draw.randrange(6) / 10, draw.randrange(5)) for _ in range(25)]
    assert len(set(points)) < len(points)  # there are ties
    study = open_handle(objectives=("mean", "harmed"))
    for point in points:
        add(study, *point)
    front = best_trials(study)
    assert numbers(front) == naive_front(points)
    firsts, seconds = zip(*(trial.values for trial in front), strict=True)
    assert list(firsts) == sorted(set(firsts), reverse=True)
    assert list(seconds) == sorted(set(seconds), reverse=True)


def test_the_front_has_its_corners_and_one_of_equal_trials(open_handle):
    study = open_handle(objectives=("worst", "harmed"))
    for point in [(0.5, 2), (0.7, 4), (0.7, 3), (0.5, 2), (0.4, 2), (0.1, 0), (0.7, 3)]:
        add(study, *point)
    add(study, state=TrialState.FAIL)
    assert numbers(best_trials(study)) == [2, 0, 5]


def test_there_is_no_front_without_trials(open_handle):
    assert best_trials(open_handle(objectives=("mean", "harmed"))) == []


# What is tested


def test_the_best_the_references_and_the_baseline_are_tested(open_handle):
    study = open_handle(references=("none", "front"))
    add(study, 0.4, temperature=0.1)
    add(study, 0.7, temperature=0.3)
    found = contenders(study)
    assert list(found) == ["trial-1", "none", "front", BASELINE]
    best = found["trial-1"]
    assert (best.temperature, best.strategy_args, best.languages) == (0.3, {"boundary": 3}, ("de",))
    for name, config in list(found.items())[1:]:
        assert config == RUN.model_copy(update={"strategy": name, "strategy_args": {}})


def test_a_selected_configuration_is_run_as_any_other(open_handle):
    study = open_handle()
    add(study, 0.4, temperature=0.25)
    config = config_of(best_trials(study)[0])
    assert config == RUN.model_copy(update={"temperature": 0.25})
    assert (config.reuse, config.resume) == (True, False)


@pytest.mark.parametrize(
    ("references", "names"),
    [((), [BASELINE]), ((BASELINE, "back"), [BASELINE, "back"]), (("back",), ["back", BASELINE])],
)
def test_the_baseline_is_tested_once(open_handle, references, names):
    study = open_handle(references=references)
    assert list(contenders(study)) == names


@pytest.mark.parametrize(("finalists", "names"), [(1, [2]), (2, [2, 0]), (9, [2, 0, 1])])
def test_of_a_front_as_many_are_tested_as_asked_for(open_handle, finalists, names):
    study = open_handle(objectives=("mean", "harmed"), finalists=finalists, references=())
    for point in [(0.5, 1), (0.3, 0), (0.8, 2), (0.2, 2)]:
        add(study, *point)
    found = list(contenders(study))
    assert found == [*(f"trial-{number}" for number in names), BASELINE]


def test_what_was_tested_comes_in_the_order_of_the_contenders(open_handle):
    study = open_handle(references=("none",))
    add(study, 0.4)
    assert finalists.tested(study) == []
    add_test(study, BASELINE, 31, 0.1)
    add_test(study, BASELINE, 42, 0.3)
    add_test(study, "trial-0", 31, 0.2)
    add_test(study, "trial-0", 42, 0.6)
    add_test(study, "none", 31, 0.4, state=TrialState.FAIL)
    add_test(study, "none", 42, 0.4, state=TrialState.WAITING)

    def result(seed, value):
        return TaskScores("pos", seed, [Score("de", "test", "accuracy", value)])

    assert finalists.tested(study) == [
        finalists.Tested("trial-0", [result(31, 0.2), result(42, 0.6)], []),
        finalists.Tested(BASELINE, [result(31, 0.1), result(42, 0.3)], []),
    ]


def test_only_seeds_that_all_have_are_told_of(open_handle):
    study = open_handle(references=("none",))
    add(study, 0.4)
    for name, seeds in (("trial-0", (31, 42, 66)), ("none", (66, 42)), (BASELINE, (42, 31, 66))):
        for seed in seeds:
            add_test(study, name, seed, 0.5)
    tested = finalists.tested(study)
    seeds = {found.name: [r.seed for r in found.results] for found in tested}
    assert seeds == {"trial-0": [42, 66], "none": [66, 42], BASELINE: [42, 66]}
    assert [found.left_out for found in tested] == [[31], [], [31]]
    assert finalists.seeds_left_out(tested) == ["Seed 31 is left out: no test of none with it."]


def test_each_seed_that_is_left_out_is_named_with_those_that_lack_it(open_handle):
    study = open_handle(references=("none",))
    add(study, 0.4)
    for name, seeds in (("trial-0", (31, 42, 66)), ("none", (42,)), (BASELINE, (42, 31))):
        for seed in seeds:
            add_test(study, name, seed, 0.5)
    assert finalists.seeds_left_out(finalists.tested(study)) == [
        "Seed 31 is left out: no test of none with it.",
        f"Seed 66 is left out: no test of none, {BASELINE} with it.",
    ]


def test_tests_with_different_seeds_are_not_set_side_by_side(open_handle, caplog):
    study = open_handle(references=("none",))
    add(study, 0.4)
    add_test(study, "trial-0", 31, 0.2)
    add_test(study, "none", 42, 0.4)
    assert finalists.tested(study) == []
    assert "the tests of trial-0, none have no seed in common" in caplog.text


def test_a_test_of_other_code_does_not_count(open_handle):
    study = open_handle(references=("none",))
    add(study, 0.4)
    add_test(study, "none", 31, 0.3, code="an older version")
    assert finalists.tested(study) == []
    add_test(study, "none", 31, 0.5)
    (found,) = finalists.tested(study)
    assert [result.scores[0].value for result in found.results] == [0.5]


def test_a_trial_that_is_the_best_no_more_is_not_told_of(open_handle):
    study = open_handle(references=())
    add(study, 0.4)
    add_test(study, "trial-0", 31, 0.2)
    assert [found.name for found in finalists.tested(study)] == ["trial-0"]
    add(study, 0.5)
    assert finalists.tested(study) == []
    assert contenders(study)["trial-1"] == config_of(best_trials(study)[0])
