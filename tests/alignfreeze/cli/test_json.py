"""What scripts read: one JSON object on standard output, of every command, and nothing else."""

import contextlib
import json
import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from alignfreeze.base.tables import Cell, Table
from alignfreeze.benchmark import worker as benchmark_worker
from alignfreeze.cli.main import app, main
from alignfreeze.cli.output import OUTPUT
from alignfreeze.evaluation.scores import Score, TaskResult
from alignfreeze.planning.dry_run import PLANS
from alignfreeze.planning.plan import RunPlan
from alignfreeze.report import example_texts, prediction_runs, report, side_by_side
from alignfreeze.report.side_by_side import Difference, SideBySide
from alignfreeze.report.writing import ReportOutcome
from alignfreeze.runs import pipeline
from alignfreeze.runs.pipeline import Outcome
from alignfreeze.scoring import texts
from alignfreeze.search import coordinator
from alignfreeze.search import worker as search_worker
from alignfreeze.search.coordinator import SearchOutcome
from alignfreeze.tracking import syncing
from alignfreeze.tracking.syncing import Synced

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"

SHORT = "--languages de --pair-limit 9 --realign-steps 1 --finetune-steps 1"

LINES = {
    "run": "run",
    "realign": "realign",
    "evaluate": "evaluate --encoder .",
    "search": "search",
    "benchmark": f"benchmark --dry-run --tasks pos --seeds 31 {SHORT}",
    "report": "report",
    "predictions": "predictions 7",
    "import-results": "import-results results.csv --experiment imported-{experiment}",
    "search-worker": "search-worker --study a --storage sqlite://",
    "benchmark-worker": "benchmark-worker --study a --storage sqlite://",
    "sync": "sync kept",
    "project": "project made",
    "align": "align --output links --languages de --pair-limit 9",
    "score": "score --languages de",
    "config": "config",
    "plugins": "plugins",
    "data check": "data check . --task pos",
    "cache": "cache",
    "cache prune": "cache prune --dry-run",
    "plugin new": "plugin new foo --kind strategy",
    "--version": "--version",
}
"""A line of each command that is quick to do, with what is long to do left out."""


def commands(group=None, before=""):
    """The names of all commands, and of groups that are commands as well."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        whole = f"{before}{name}"
        if not (inner := getattr(command, "commands", None)) or command.invoke_without_command:
            yield whole
        if inner:
            yield from commands(command, f"{whole} ")


def documented():
    """The keys that the docs name, by command."""
    found = {}
    for names, keys in re.findall(r"^\| (`.+?`) \| (.+) \|$", DOCS.read_text("utf-8"), re.M):
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", names), re.findall(r"`(\w+)`", keys))
    return {name: keys for name, keys in found.items() if name in LINES}


def saying(outcome):
    """A function in the place of what is long to do, which prints as libraries may."""

    def do(*args, **kwargs):
        print("a library prints")  # noqa: T201
        return outcome

    return do


@pytest.fixture
def short(monkeypatch, write):
    """A folder in which all commands are short."""
    scores = [Score(language, "test", "accuracy", 0.5) for language in ("en", "de")]
    results = [TaskResult("front", "pos", "accuracy", scores)]
    outcome = Outcome(results, "en", ["MLflow run 7 in x"], "7")
    for function in ("run", "realign_only", "evaluate_only"):
        monkeypatch.setattr(pipeline, function, saying(outcome))
    monkeypatch.setattr(coordinator, "search", saying(SearchOutcome([], {}, [], "en", [])))
    cells = [Cell("demo"), Cell("pos"), Cell("front"), Cell("50.0")]
    table = Table("summary", "Summary", "", ["model", "task", "strategy", "mean"], [cells])
    monkeypatch.setattr(report, "report", saying(ReportOutcome(table, {}, [], Path("report"))))
    runs = [SimpleNamespace(run=SimpleNamespace(run_id="7"))]
    differs = [Difference(0, -1.0, "a", "b", None)]
    side = SideBySide("nli", "de", "accuracy", ["front"], [0.5], None, None, 0.0, 1.0, differs)
    monkeypatch.setattr(prediction_runs, "find_predictions", saying(runs))
    monkeypatch.setattr(side_by_side, "compare", saying(side))
    monkeypatch.setattr(example_texts, "example_texts", saying([]))
    monkeypatch.setattr(texts, "score_texts", saying([]))
    for worker in (search_worker, benchmark_worker):
        monkeypatch.setattr(worker, "join", saying(3))
    monkeypatch.setattr(syncing, "sync", saying(Synced("sqlite:///x.db")))
    row = "31,bert-base-multilingual-cased,udpos,baseline,0.5"
    folder = write("results.csv", f"seed,model,task,method,eval_de_accuracy\n{row}\n").parent
    monkeypatch.chdir(folder)
    write("config.json", '{"model_type": "bert"}')
    yield
    OUTPUT.reset()


def test_every_command_is_here_and_in_the_docs():
    assert {*commands()} == {*LINES} - {"--version"}
    assert documented().keys() == LINES.keys()


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("before", [True, False])
def test_the_result_is_one_json_object(command, before, short, experiment, capsys):
    line = LINES[command].format(experiment=experiment)
    with contextlib.suppress(SystemExit):  # of a folder of data that has nothing
        main(f"--json {line}".split() if before else f"{line} --json".split())
    output, errors = capsys.readouterr()
    assert output, errors
    found = json.loads(output)
    assert {*found} <= {*documented()[command]}


@pytest.mark.parametrize("command", ["run", "realign", "evaluate"])
def test_a_dry_run_is_one_too(command, short, monkeypatch, capsys):
    monkeypatch.setitem(PLANS, command, saying(RunPlan([], [], "cpu, fp32")))
    main([*LINES[command].split(), "--dry-run", "--json"])
    assert {*json.loads(capsys.readouterr().out)} == {field.name for field in fields(RunPlan)}


@pytest.mark.parametrize("command", [*commands()])
def test_what_goes_wrong_is_on_stderr_alone(command, capsys):
    for place in ("", "nonsense"):
        with pytest.raises(SystemExit, match="2"):
            main(f"--json {command} --nonsense {place}".split())
        output, errors = capsys.readouterr()
        assert output == ""
        assert errors == "alignfreeze: No such option: --nonsense\n"


def test_without_a_command_there_is_no_result(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--json"])
    output, errors = capsys.readouterr()
    assert (output, errors) == ("", "alignfreeze: Missing command.\n")
