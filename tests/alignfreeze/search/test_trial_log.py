"""The lines that tell of trials as they end."""

import logging
from contextlib import ExitStack

import pytest
from optuna.trial import TrialState

from alignfreeze.config import RunConfig
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.study import open_study
from alignfreeze.search.trial_log import TrialLog
from alignfreeze.search.trials import CONTENDER, SEED
from alignfreeze.workers.queue import PROBLEM, SECONDS, retry
from alignfreeze.workers.storage import open_storage
from alignfreeze.workers.worker import PRUNED_STEP

LOGGER = "alignfreeze.search.trial_log"


@pytest.fixture
def open_study_of(tmp_path):
    """Opens a study with some settings; the storage lives as long as the test."""
    with ExitStack() as stack:

        def opener(**settings):
            url = f"sqlite:///{tmp_path / 'optuna.db'}"
            storage = stack.enter_context(open_storage(url, 30, retry))
            return open_study(storage, "mine", RunConfig(), SearchConfig(**settings))

        yield opener


@pytest.fixture
def told(caplog):
    """What was logged since it was last asked for, each as level and line."""
    caplog.set_level(logging.INFO, LOGGER)

    def since():
        lines = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == LOGGER]
        caplog.clear()
        return lines

    return since


def end(queue, state, values=None, *, attributes=None, draw=lambda trial: None, **more):
    """Puts a trial into a queue, and does it as a worker would."""
    queue.study.enqueue_trial({}, attributes)
    claim = queue.claim()
    draw(claim.trial)
    assert queue.finish(claim.trial, state, values, {SECONDS: 2.04} | more)


def draw_all(trial):
    trial.suggest_categorical("strategy", ["front"])
    trial.suggest_int("front.boundary", 4, 4)
    trial.suggest_float("temperature", 0.123456, 0.123456)


def test_a_complete_trial_is_told_of_once(open_study_of, told):
    study = open_study_of(trials=3)
    log = TrialLog(study, study.trials, 3)
    log.look()
    assert told() == []
    end(study.trials, TrialState.COMPLETE, [0.71234], draw=draw_all)
    log.look()
    log.look()
    line = "[1/3] trial 0 (strategy=front, front.boundary=4, temperature=0.1235): mean 71.23 %"
    assert told() == [("INFO", f"{line}, 2.0 s")]


def test_two_objectives_are_a_percentage_and_a_count(open_study_of, told):
    study = open_study_of(objectives=("worst", "harmed"), trials=2)
    log = TrialLog(study, study.trials, 2)
    end(study.trials, TrialState.COMPLETE, [0.5, 2.0])
    log.look()
    assert told() == [("INFO", "[1/2] trial 0 (): worst 50.00 %, harmed 2, 2.0 s")]


def test_a_pruned_trial_says_after_which_report(open_study_of, told):
    study = open_study_of(trials=2)
    log = TrialLog(study, study.trials, 2)
    end(study.trials, TrialState.PRUNED, draw=draw_all, **{PRUNED_STEP: 3})
    log.look()
    ((level, line),) = told()
    assert level == "INFO"
    assert line.startswith("[1/2] trial 0 (strategy=front")
    assert line.endswith("): pruned at report 3, 2.0 s")


def test_a_failed_trial_is_a_warning_with_its_reason(open_study_of, told):
    study = open_study_of(trials=2)
    log = TrialLog(study, study.trials, 2)
    end(study.trials, TrialState.FAIL, **{PROBLEM: "100% of it is wrong"})
    end(study.trials, TrialState.FAIL)  # its worker has vanished: it will be tried again
    log.look()
    assert told() == [("WARNING", "[1/2] trial 0 () failed: 100% of it is wrong")]


def test_a_seed_of_the_baseline_has_no_score_to_tell(open_study_of, told):
    study = open_study_of(trials=9)
    log = TrialLog(study, study.baseline, 3)
    study.baseline.study.enqueue_trial({}, {SEED: 99})
    study.baseline.claim()
    end(study.baseline, TrialState.COMPLETE, [0.0], attributes={SEED: 31})
    end(study.baseline, TrialState.FAIL, attributes={SEED: 42}, **{PROBLEM: "no memory"})
    log.look()
    assert told() == [
        ("INFO", "[1/3] baseline, seed 31: done, 2.0 s"),
        ("WARNING", "[2/3] baseline, seed 42 failed: no memory"),
    ]


def test_a_test_is_named_by_its_contender_and_seed(open_study_of, told):
    study = open_study_of(trials=9)
    log = TrialLog(study, study.final, 1)
    attributes = {SEED: 23, CONTENDER: "trial-7"}
    end(study.final, TrialState.COMPLETE, [0.0], attributes=attributes)
    log.look()
    assert told() == [("INFO", "[1/1] test of trial-7, seed 23: done, 2.0 s")]


def test_what_had_ended_before_is_counted(open_study_of, told):
    study = open_study_of(trials=5)
    for value in (0.1, 0.2):
        end(study.trials, TrialState.COMPLETE, [value])
    log = TrialLog(study, study.trials, 5)
    assert told() == [("INFO", "mine: 2 done before")]
    end(study.trials, TrialState.COMPLETE, [0.3])
    log.look()
    assert told() == [("INFO", "[3/5] trial 2 (): mean 30.00 %, 2.0 s")]


def test_a_queue_without_trials_is_not_told_of(open_study_of, told):
    study = open_study_of()
    TrialLog(study, study.final, 1).look()
    assert told() == []


def test_trials_beyond_those_asked_for_count(open_study_of, told):
    study = open_study_of(trials=1)
    log = TrialLog(study, study.trials, 1)
    for value in (0.1, 0.2):
        end(study.trials, TrialState.COMPLETE, [value])
    log.look()
    assert [line.split()[0] for _, line in told()] == ["[1/1]", "[2/2]"]


def test_what_is_not_at_an_end_is_not_told_of(open_study_of, told):
    study = open_study_of(trials=4)
    for _ in range(2):
        study.trials.study.enqueue_trial({})
    claim = study.trials.claim()
    log = TrialLog(study, study.trials, 4)
    log.look()
    assert told() == []
    study.trials.finish(claim.trial, TrialState.COMPLETE, [0.5], {SECONDS: 61.26})
    log.look()
    assert told() == [("INFO", "[1/4] trial 0 (): mean 50.00 %, 61.3 s")]


def test_a_trial_that_was_given_back_is_told_of_when_it_is_done(open_study_of, told):
    study = open_study_of(trials=4)
    log = TrialLog(study, study.trials, 4)
    study.trials.study.enqueue_trial({})
    study.trials.give_back(study.trials.claim().trial)
    log.look()
    assert told() == []
    again = study.trials.claim()
    study.trials.finish(again.trial, TrialState.COMPLETE, [0.5], {SECONDS: 1.0})
    log.look()
    assert told() == [("INFO", "[1/4] trial 1 (): mean 50.00 %, 1.0 s")]
