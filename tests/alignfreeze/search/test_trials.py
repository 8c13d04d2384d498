"""The lines that tell of trials as they end, and what trials report on their way."""

import logging
from contextlib import ExitStack
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from alignfreeze.config import RunConfig
from alignfreeze.errors import Pruned
from alignfreeze.evaluation.scores import Score
from alignfreeze.search.objective import TaskScores
from alignfreeze.search.sampling import make_pruner
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.study import open_study
from alignfreeze.search.trials import CONTENDER, SEED, Stages, TrialLog
from alignfreeze.workers.queue import PROBLEM, SECONDS, TrialQueue, retry
from alignfreeze.workers.storage import open_storage
from alignfreeze.workers.worker import PRUNED_STEP

LOGGER = "alignfreeze.search.trials"

EASY, HARD, BAD = 0.9, 0.4, 0.1


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


def context_of(tasks=("pos",), **settings):
    """As much as reports ask for: the tasks, the source language and the settings."""
    found = [SimpleNamespace(name=t, task=SimpleNamespace(primary_metric="f1")) for t in tasks]
    return SimpleNamespace(
        tasks=found, config=RunConfig(task=tasks), settings=SearchConfig(**settings)
    )


def scores(*values):
    """Of the target languages de, fr, …; what the source language scores does not matter."""
    pairs = zip(("de", "fr"), values, strict=False)
    found = [Score(language, "validation", "f1", value) for language, value in pairs]
    return [Score("en", "validation", "f1", 1.0), *found]


class Parts:
    """A trial that goes through its fine-tunings, as far as it gets.

    Args:
        trial: The trial.
        context: What it shares with others.
        values: Of each fine-tuning: what each look through it sees, and what it comes to.
    """

    def __init__(self, trial, context, values):
        self.trial = trial
        self.logged = []
        run = SimpleNamespace(metric=lambda *entry: self.logged.append(entry))
        self._steps = self._walk(Stages(trial, run, context), context, values)

    def _walk(self, stages, context, values):
        names = [
            (data.name, seed) for seed in context.settings.search_seeds for data in context.tasks
        ]
        for (task, seed), (*seen, final) in zip(names, values, strict=True):
            look = stages.look(task, seed)
            for number, value in enumerate(seen, 1):
                yield look.look(number, scores(value))
            yield stages.done(TaskScores(task, seed, scores(final)))

    def go_on(self):
        """One report further; False at the end, or where it is stopped."""
        try:
            return next(self._steps, self) is not self
        except Pruned as pruned:
            self.problem = str(pruned)
            return False

    def end(self, study):
        """To the end; the step at which it is stopped, if it is."""
        while self.go_on():
            pass
        step = self.trial.user_attrs.get(PRUNED_STEP)
        state = TrialState.PRUNED if step else None
        study.tell(self.trial, None if step else 0.5, state=state)
        return step


def together(trials):
    """All of them to their ends, one report of each after the other."""
    while sum(parts.go_on() for parts in trials):
        pass


@pytest.fixture
def study_of():
    def make(context):
        n_reports = len(context.settings.search_seeds) * len(context.tasks) * 2
        pruner = make_pruner(context.settings, n_reports)
        return optuna.create_study(direction="maximize", pruner=pruner)

    return make


def reports(context, values, study_of):
    study = study_of(context)
    parts = Parts(study.ask(), context, values)
    assert parts.end(study) is None
    found = study.trials[0].intermediate_values
    assert parts.logged == [("report", value, step) for step, value in found.items()]
    return found


def test_a_report_is_the_mean_of_what_is_finished_and_what_is_looked_at(study_of):
    context = context_of(("pos", "ner"), reports=2)
    found = reports(context, [(0.6, 0.7, 0.8), (0.1, 0.2, 0.4)], study_of)
    assert found == pytest.approx(
        {1: 0.6, 2: 0.7, 3: 0.8, 4: (0.8 + 0.1) / 2, 5: (0.8 + 0.2) / 2}
    )  # the end, 6, is the objective's


def test_seeds_are_averaged_before_tasks(study_of):
    context = context_of(("pos", "ner"), reports=1, search_seeds=(1, 2))
    values = [(0.5, 0.8), (0.1, 0.2), (0.4, 0.6), (0.3, 0.4)]
    assert reports(context, values, study_of) == pytest.approx(
        {
            1: 0.5,
            2: 0.8,
            3: (0.8 + 0.1) / 2,
            4: (0.8 + 0.2) / 2,
            5: ((0.8 + 0.4) / 2 + 0.2) / 2,
            6: ((0.8 + 0.6) / 2 + 0.2) / 2,
            7: ((0.8 + 0.6) / 2 + (0.2 + 0.3) / 2) / 2,
        }
    )


def test_without_looks_there_is_a_report_after_each_but_the_last(study_of):
    context = context_of(("pos", "ner"), reports=0, search_seeds=(1, 2))
    values = [(0.8,), (0.2,), (0.6,), (0.4,)]
    assert reports(context, values, study_of) == pytest.approx({1: 0.8, 2: 0.5, 3: 0.45})


def test_two_objectives_are_not_reported():
    context = context_of(("pos", "ner"), objectives=("mean", "harmed"))
    stages = Stages(None, None, context)
    assert stages.look("pos", 31) is None
    stages.done(TaskScores("pos", 31, scores(0.5)))


def test_the_looks_are_as_asked_for():
    look = Stages(None, None, context_of(reports=4, report_rows=7)).look("pos", 31)
    assert (look.times, look.rows) == (4, 7)


TWO_TASKS = {"tasks": ("pos", "ner"), "reports": 1}
TWO_SEEDS = {"reports": 1, "search_seeds": (1, 2)}
GOOD = [(EASY, EASY), (HARD, HARD)]


@pytest.mark.parametrize("several", [TWO_TASKS, TWO_SEEDS])
@pytest.mark.parametrize(
    ("values", "step"),
    [
        (GOOD, None),
        ([(EASY, EASY), (HARD + 0.01, HARD + 0.01)], None),
        ([(BAD, EASY), (HARD, HARD)], 1),
        ([(EASY, BAD), (HARD, HARD)], 2),
        # The look through the second: (0.9 + 0.1) / 2 = 0.5 is less than (0.9 + 0.4) / 2 = 0.65,
        # though 0.9, its best report, is not.
        ([(EASY, EASY), (BAD, HARD)], 3),
        ([(0.95, 0.95), (BAD, HARD)], 3),
        ([(0.95, 0.95), (HARD, HARD)], None),
    ],
)
def test_a_trial_is_stopped_where_it_is_bad(several, values, step, study_of):
    context = context_of(**several)
    study = study_of(context)
    assert [Parts(study.ask(), context, GOOD).end(study) for _ in range(5)] == [None] * 5
    parts = Parts(study.ask(), context, values)
    assert parts.end(study) == step
    if step == 3:
        assert parts.problem.startswith("pruned (median) in fine-tuning on ")
        assert ", at report 3 of 4, with 0.5" in parts.problem


@pytest.mark.parametrize("several", [TWO_TASKS, TWO_SEEDS])
@pytest.mark.parametrize("bad_first", [True, False])
def test_a_trial_is_stopped_there_whatever_others_do_meanwhile(several, bad_first, tmp_path):
    context = context_of(**several)
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    with open_storage(url, 600, retry) as one, open_storage(url, 600, retry) as other:
        studies = [
            optuna.create_study(
                study_name="s",
                storage=storage,
                direction="maximize",
                pruner=make_pruner(context.settings, 4),
                load_if_exists=True,
            )
            for storage in (one, other)
        ]
        queues = [TrialQueue(s, storage) for s, storage in zip(studies, (one, other), strict=True)]
        for _ in range(5 + 2):
            studies[0].enqueue_trial({})

        def begin(number, values):
            return Parts(queues[number % 2].claim().trial, context, values)

        early = [begin(number, GOOD) for number in range(5)]
        together(early)
        for number, parts in enumerate(early):
            queues[number % 2].finish(parts.trial, TrialState.COMPLETE, [0.65], {})
        bad, good = begin(0, [(0.95, 0.95), (BAD, HARD)]), begin(1, GOOD)
        together([bad, good] if bad_first else [good, bad])
        steps = [parts.trial.user_attrs.get(PRUNED_STEP) for parts in (*early, bad, good)]
        assert steps == [None] * 5 + [3, None]
