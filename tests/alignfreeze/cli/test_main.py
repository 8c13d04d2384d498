"""The command line: what it prints, and what it exits with."""

import errno
import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import mlflow
import pytest
from typer.testing import CliRunner

from alignfreeze import __version__
from alignfreeze.cli.flags import is_switch
from alignfreeze.cli.main import OPTIONS, app, main
from alignfreeze.errors import AlignFreezeError, DataError, Interrupted
from alignfreeze.evaluation.scores import Score, TaskResult
from alignfreeze.report import report
from alignfreeze.runs import pipeline
from alignfreeze.runs.pipeline import Outcome

runner = CliRunner()


def fake_outcome(options: dict[str, str]) -> Outcome:
    scores = [Score("en", "test", "accuracy", 0.9), Score("de", "test", "accuracy", 0.5)]
    return Outcome([TaskResult("front", "pos", "accuracy", scores)], "en", ["MLflow run 7 in x"])


def test_options_reach_the_pipeline_as_text(monkeypatch):
    seen = {}

    def run(options):
        seen.update(options)
        return fake_outcome(options)

    monkeypatch.setattr(pipeline, "run", run)
    result = runner.invoke(app, ["run", "--realign-steps", "3", "--strategy-args", "boundary=2"])
    assert result.exit_code == 0
    assert (seen["realign_steps"], seen["strategy_args"], seen["task"]) == ("3", "boundary=2", "")
    assert set(seen) == {name for name in OPTIONS["run"] if name != "dry_run"}


def test_refused_rows_are_told_of_and_the_exit_code_says_so(experiment, write, capsys):
    header = "seed,model,task,method,eval_de_accuracy"
    good = "31,bert-base-multilingual-cased,udpos,baseline,0.5"
    file = write("a.csv", f"{header}\n{good}\n{good.replace('0.5', '5')}\n")
    name = f"imported-{experiment}"
    with pytest.raises(SystemExit, match="1"):
        main(["import-results", str(file), "--experiment", name])
    output, errors = capsys.readouterr()
    assert f"experiment {name!r}: 1 run(s) added, 0 there before, 1 row(s) refused" in output
    assert f"refused: {file}:3: eval_de_accuracy must be a number in [0, 1], got '5'" in errors


def test_what_is_to_be_renamed_needs_both_names(write, capsys):
    file = write("a.csv", "seed\n")
    with pytest.raises(SystemExit, match="1"):
        main(["import-results", str(file), "--experiment", "x", "--rename", "mbert"])
    assert "rename must be OLD=NEW, got 'mbert'" in capsys.readouterr().err


def test_a_table_and_the_run_are_printed(monkeypatch):
    monkeypatch.setattr(pipeline, "run", fake_outcome)
    result = runner.invoke(app, ["run"])
    assert "pos: accuracy on test" in result.output
    assert "50.0" in result.output
    assert "MLflow run 7 in x" in result.output


def test_an_error_is_one_line_on_stderr(monkeypatch, capsys):
    def fail(options):
        raise AlignFreezeError("temperature must be > 0, got '0'")

    monkeypatch.setattr(pipeline, "run", fail)
    with pytest.raises(SystemExit, match="1"):
        main(["run"])
    assert capsys.readouterr().err == "alignfreeze: temperature must be > 0, got '0'\n"


def test_an_unknown_option_is_one_line_and_fails_the_run_of_mlflow(experiment, monkeypatch, capsys):
    run = mlflow.MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    with pytest.raises(SystemExit, match="2"):
        main(["run", "--stratgy", "front"])
    line = capsys.readouterr().err.strip()
    assert line.startswith("alignfreeze: No such option: --stratgy")
    assert "\n" not in line
    failed = mlflow.get_run(run.info.run_id)
    assert failed.info.status == "FAILED"
    assert "--stratgy" in failed.data.tags["alignfreeze.error"]


def test_a_signal_has_its_own_exit_code(monkeypatch, capsys):
    def interrupt(options):
        raise Interrupted("interrupted by SIGTERM")

    monkeypatch.setattr(pipeline, "run", interrupt)
    with pytest.raises(SystemExit, match="143"):
        main(["run"])
    assert capsys.readouterr().err == "alignfreeze: interrupted by SIGTERM\n"


def test_what_is_interrupted_where_there_is_nothing_to_keep_says_so(monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupt)
    with pytest.raises(SystemExit, match=r"^130$"):
        main(["run"])
    assert capsys.readouterr().err == "alignfreeze: interrupted\n"


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_has_help_and_nothing_is_cut(command, columns):
    text = runner.invoke(app, [*command.split(), "--help"], env={"COLUMNS": columns}).output
    for option, field in OPTIONS[command].items():
        flag = option.replace("_", "-")
        assert f"--{flag} " in text or (is_switch(field) and f"--[no-]{flag} " in text)
        if get_origin(field.annotation) is Literal:
            for choice in get_args(field.annotation):
                assert re.search(rf"[\[| ]{re.escape(choice)}[]|]", text)


@pytest.mark.parametrize("command", [["plugin", "new"], ["import-results"], ["benchmark-worker"]])
def test_types_are_called_the_same_by_all_commands(command):
    text = runner.invoke(app, [*command, "--help"], env={"COLUMNS": "80"}).output
    assert " TEXT " in text
    assert "<" not in text


def test_parallel_text_is_aligned_into_a_folder(write, tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    write("data/parallel/en-de.en", "the house\nthe dog\n")
    write("data/parallel/en-de.de", "das Haus\nder Hund\n")
    write("data/dictionaries/en-de.txt", "house haus\n")
    output = tmp_path / "out"
    options = ["--data", str(tmp_path / "data"), "--output", str(output)]
    result = runner.invoke(app, ["align", *options])
    assert result.exit_code == 0, result.output
    assert (output / "en-de.align").read_text() == "1-1\n\n"
    assert (output / "en-de.de").read_text() == "das Haus\nder Hund\n"
    assert "1 language(s) aligned" in result.output


def test_aligning_needs_a_folder_to_write_to(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["align"])
    assert "--output" in capsys.readouterr().err


def test_version():
    assert runner.invoke(app, ["--version"]).output == f"alignfreeze {__version__}\n"


@pytest.mark.parametrize(("command", "hinted"), [("run", True), ("report", False)])
def test_a_fault_of_the_data_says_what_tells_all_of_them(command, hinted, monkeypatch, capsys):
    def fail(options):
        raise DataError("must be two columns, got 1", file=Path("pos.tsv"), line=3)

    monkeypatch.setattr(pipeline, "run", fail)
    monkeypatch.setattr(report, "report", fail)
    with pytest.raises(SystemExit, match="1"):
        main([command])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("alignfreeze: pos.tsv:3: must be two columns, got 1")
    assert ("alignfreeze data check" in line) == hinted


@pytest.mark.parametrize("line", ["", "data"])
def test_a_group_without_a_command_shows_its_help_alone(line, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(line.split())
    output, errors = capsys.readouterr()
    assert "Usage:" in output
    assert errors == ""


def test_a_full_disk_is_not_said_to_be_a_fault_of_the_data(monkeypatch, capsys):
    def run(options):
        raise DataError("cannot be read") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pipeline, "run", run)
    with pytest.raises(SystemExit, match="1"):
        main(["run"])
    said = capsys.readouterr().err
    assert said.startswith("alignfreeze: the disk is full")
    assert "data check" not in said
