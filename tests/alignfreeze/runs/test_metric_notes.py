"""What a task says of its metrics: in tables of the terminal, and held by the contract suite."""

from types import SimpleNamespace
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from alignfreeze.cli.main import app
from alignfreeze.evaluation.scores import Score, TaskResult
from alignfreeze.evaluation.taskdata import metric_note
from alignfreeze.runs import pipeline
from alignfreeze.runs.pipeline import Outcome
from alignfreeze.search import coordinator as searches
from alignfreeze.search.coordinator import SearchOutcome
from alignfreeze.search.objective import Key, Objective, TaskScores
from alignfreeze.search.settings import SearchConfig
from alignfreeze.testing.task import TaskContract
from alignfreeze_tasks.pos import PartOfSpeechTagging
from alignfreeze_tasks.qa import QuestionAnswering

NOTE = "qa f1: by whose rules."
SCORES = [Score("en", "test", "f1", 0.9), Score("th", "test", "f1", 0.5)]


def test_a_note_is_a_sentence_of_the_metric():
    assert metric_note("mine", QuestionAnswering, "f1_squad") == (
        "mine f1_squad: by SQuAD's script in every language, as XTREME scores XQuAD."
    )
    assert metric_note("mine", PartOfSpeechTagging(), "accuracy") == ""


def test_a_run_says_it_once_below_its_table(monkeypatch):
    results = [TaskResult(name, "qa", "f1", SCORES, NOTE) for name in ("baseline", "front")]
    results.append(TaskResult("front", "pos", "f1", SCORES))
    monkeypatch.setattr(pipeline, "run", lambda _: Outcome(results, "en", []))
    result = CliRunner().invoke(app, ["run"])
    assert result.exit_code == 0
    assert result.output.count(NOTE) == 1


def test_a_search_says_it_too(monkeypatch):
    outcome = SearchOutcome([], {}, [NOTE], "en", [])
    monkeypatch.setattr(searches, "search", lambda _: outcome)
    result = CliRunner().invoke(app, ["search"])
    assert result.exit_code == 0
    assert result.output.count(NOTE) == 1


def test_a_search_of_qa_selects_by_the_primary_metric():
    metrics = {"f1": 0.6, "exact_match": 0.4, "f1_squad": 0.5, "exact_match_squad": 0.3}
    scores = [Score("th", "validation", metric, value) for metric, value in metrics.items()]
    data = SimpleNamespace(name="qa", task=QuestionAnswering())
    objective = Objective([data], "en", SearchConfig())
    found = objective.means([TaskScores("qa", 31, scores)])
    assert found == {Key("qa", "th"): 0.6}


class Scored(PartOfSpeechTagging):
    """Tags words, and says something of a metric."""

    def metrics(self, examples, features, predictions):
        return {"accuracy": 1.0}


def contract_of(write, source, task):
    """Run what the suite asks of metrics on a task."""
    for split in ("train", "test"):
        write(f"pos/en/{split}.conllu", "1\tAda\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n")
    suite = TaskContract()
    suite.test_notes_are_of_its_metrics(task, source)
    suite.test_metrics_are_fractions(task, source)


def test_a_plugin_may_say_it_as_well(write, source):
    class Told(Scored):
        metric_notes: ClassVar = {"accuracy": "of words, punctuation included"}

    contract_of(write, source, Told())


@pytest.mark.parametrize(
    ("name", "note", "complaint"),
    [
        ("f1", "of words", "metric_notes: no metric 'f1' in"),
        ("accuracy", " ", "accuracy: one line of text, got ' '"),
        ("accuracy", "of\nwords", "accuracy: one line of text"),
        ("accuracy", "of words.", "accuracy: without a full stop, got 'of words.'"),
    ],
)
def test_the_suite_refuses_a_note_that_does_not_read(write, source, name, note, complaint):
    class Told(Scored):
        metric_notes: ClassVar = {name: note}

    with pytest.raises(AssertionError, match=complaint):
        contract_of(write, source, Told())


@pytest.mark.parametrize("name", ["f1@5", "f1/macro", "f1(macro)"])
def test_the_suite_refuses_a_name_that_cannot_be_logged(write, source, name):
    class Odd(Scored):
        primary_metric: ClassVar = name

        def metrics(self, examples, features, predictions):
            return {name: 1.0}

    with pytest.raises(AssertionError, match="a metric's name must be plain, got 'f1"):
        contract_of(write, source, Odd())
