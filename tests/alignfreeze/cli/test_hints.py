"""What a run says beside its scores."""

import shlex

import pytest
from typer.testing import CliRunner

from alignfreeze.cli.hints import baseline_hint
from alignfreeze.cli.main import app
from alignfreeze.evaluation.scores import Score, TaskResult
from alignfreeze.runs import pipeline
from alignfreeze.runs.pipeline import Outcome

SCORES = [Score("en", "test", "accuracy", 0.9), Score("de", "test", "accuracy", 0.5)]


def results(*strategies: str) -> list[TaskResult]:
    return [TaskResult(strategy, "pos", "accuracy", SCORES) for strategy in strategies]


def test_a_run_without_a_baseline_says_how_to_get_one():
    options = {"task_args": "pos.a=b c", "compare": "none, ", "seed": "", "model": "x"}
    (line,) = baseline_hint("run", options, results("front"))
    command = shlex.split(line.removeprefix("no baseline beside it: "))
    assert command[:2] == ["alignfreeze", "run"]
    given = dict(zip(command[2::2], command[3::2], strict=True))
    assert given == {"--task-args": "pos.a=b c", "--compare": "baseline,none", "--model": "x"}


def test_what_a_file_compares_stays_beside_it(write):
    file = write("run.yaml", "compare: [none, back]")
    (line,) = baseline_hint("run", {"config": str(file)}, results("front"))
    assert line.endswith(f"run --config {file} --compare baseline,none,back")


def test_of_an_encoder_from_elsewhere_it_is_a_run_of_its_model():
    (line,) = baseline_hint("evaluate", {"encoder": "x"}, results("front"))
    assert "alignfreeze run --strategy baseline" in line


@pytest.mark.parametrize("found", [results("front", "baseline"), results("baseline"), []])
def test_where_there_is_one_or_nothing_to_compare_nothing_is_said(found):
    assert baseline_hint("run", {}, found) == []


def test_both_are_printed_below_the_table(monkeypatch):
    outcome = Outcome(results("front"), "en", ["MLflow run 7 in x"], warnings=["far below chance"])
    monkeypatch.setattr(pipeline, "run", lambda options: outcome)
    lines = CliRunner().invoke(app, ["run", "--seed", "7"]).output.splitlines()
    assert lines[-3:] == [
        "far below chance",
        "no baseline beside it: alignfreeze run --compare baseline --seed 7",
        "MLflow run 7 in x",
    ]
