"""What trials report on their way."""

from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from alignfreeze.errors import Pruned
from alignfreeze.evaluation.scores import Score
from alignfreeze.search.objective import Objective, TaskScores
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.study import make_pruner
from alignfreeze.search.trials import Stages
from alignfreeze.workers.queue import TrialQueue, retry
from alignfreeze.workers.storage import open_storage
from alignfreeze.workers.worker import PRUNED_STEP

EASY, HARD, BAD = 0.9, 0.4, 0.1


def objective_of(tasks=("pos",), **settings):
    """What reports are of."""
    found = [SimpleNamespace(name=t, task=SimpleNamespace(primary_metric="f1")) for t in tasks]
    return Objective(found, "en", SearchConfig(**settings))


def scores(*values):
    """Of the target languages de, fr, …; what the source language scores does not matter."""
    pairs = zip(("de", "fr"), values, strict=False)
    found = [Score(language, "validation", "f1", value) for language, value in pairs]
    return [Score("en", "validation", "f1", 1.0), *found]


class Parts:
    """A trial that goes through its fine-tunings, as far as it gets.

    Args:
        trial: The trial.
        objective: What it reports.
        values: Of each fine-tuning: what each look through it sees, and what it comes to.
    """

    def __init__(self, trial, objective, values):
        self.trial = trial
        self.logged = []
        run = SimpleNamespace(metric=lambda *entry: self.logged.append(entry))
        self._steps = self._walk(Stages(trial, run, objective), objective, values)

    def _walk(self, stages, objective, values):
        names = [
            (data.name, seed)
            for seed in objective.settings.search_seeds
            for data in objective.tasks
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
    def make(objective):
        n_reports = len(objective.settings.search_seeds) * len(objective.tasks) * 2
        pruner = make_pruner(objective.settings, n_reports)
        return optuna.create_study(direction="maximize", pruner=pruner)

    return make


def reports(objective, values, study_of):
    study = study_of(objective)
    parts = Parts(study.ask(), objective, values)
    assert parts.end(study) is None
    found = study.trials[0].intermediate_values
    assert parts.logged == [("report", value, step) for step, value in found.items()]
    return found


def test_a_report_is_the_mean_of_what_is_finished_and_what_is_looked_at(study_of):
    objective = objective_of(("pos", "ner"), reports=2)
    found = reports(objective, [(0.6, 0.7, 0.8), (0.1, 0.2, 0.4)], study_of)
    assert found == pytest.approx(
        {1: 0.6, 2: 0.7, 3: 0.8, 4: (0.8 + 0.1) / 2, 5: (0.8 + 0.2) / 2}
    )  # the end, 6, is the objective's


def test_seeds_are_averaged_before_tasks(study_of):
    objective = objective_of(("pos", "ner"), reports=1, search_seeds=(1, 2))
    values = [(0.5, 0.8), (0.1, 0.2), (0.4, 0.6), (0.3, 0.4)]
    assert reports(objective, values, study_of) == pytest.approx(
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
    objective = objective_of(("pos", "ner"), reports=0, search_seeds=(1, 2))
    values = [(0.8,), (0.2,), (0.6,), (0.4,)]
    assert reports(objective, values, study_of) == pytest.approx({1: 0.8, 2: 0.5, 3: 0.45})


def test_two_objectives_are_not_reported():
    objective = objective_of(("pos", "ner"), objectives=("mean", "harmed"))
    stages = Stages(None, None, objective)
    assert stages.look("pos", 31) is None
    stages.done(TaskScores("pos", 31, scores(0.5)))


def test_the_looks_are_as_asked_for():
    look = Stages(None, None, objective_of(reports=4, report_rows=7)).look("pos", 31)
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
    objective = objective_of(**several)
    study = study_of(objective)
    assert [Parts(study.ask(), objective, GOOD).end(study) for _ in range(5)] == [None] * 5
    parts = Parts(study.ask(), objective, values)
    assert parts.end(study) == step
    if step == 3:
        assert parts.problem.startswith("pruned (median) in fine-tuning on ")
        assert ", at report 3 of 4, with 0.5" in parts.problem


@pytest.mark.parametrize("several", [TWO_TASKS, TWO_SEEDS])
@pytest.mark.parametrize("bad_first", [True, False])
def test_a_trial_is_stopped_there_whatever_others_do_meanwhile(several, bad_first, tmp_path):
    objective = objective_of(**several)
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    with open_storage(url, 600, retry) as one, open_storage(url, 600, retry) as other:
        studies = [
            optuna.create_study(
                study_name="s",
                storage=storage,
                direction="maximize",
                pruner=make_pruner(objective.settings, 4),
                load_if_exists=True,
            )
            for storage in (one, other)
        ]
        queues = [TrialQueue(s, storage) for s, storage in zip(studies, (one, other), strict=True)]
        for _ in range(5 + 2):
            studies[0].enqueue_trial({})

        def begin(number, values):
            return Parts(queues[number % 2].claim().trial, objective, values)

        early = [begin(number, GOOD) for number in range(5)]
        together(early)
        for number, parts in enumerate(early):
            queues[number % 2].finish(parts.trial, TrialState.COMPLETE, [0.65], {})
        bad, good = begin(0, [(0.95, 0.95), (BAD, HARD)]), begin(1, GOOD)
        together([bad, good] if bad_first else [good, bad])
        steps = [parts.trial.user_attrs.get(PRUNED_STEP) for parts in (*early, bad, good)]
        assert steps == [None] * 5 + [3, None]
