"""What all commands have in common: spellings, switches, how much is said, what is suggested."""

import logging
import sys

import pytest
from typer.testing import CliRunner

from alignfreeze import PACKAGES
from alignfreeze.base import progress
from alignfreeze.cli.main import app, main
from alignfreeze.cli.output import OUTPUT
from alignfreeze.errors import PluginError
from alignfreeze.runs import pipeline
from alignfreeze.runs.pipeline import Outcome


@pytest.fixture
def seen(monkeypatch):
    """The options that reach the pipeline."""
    found = {}

    def run(options):
        found.update(options)
        return Outcome([], "en", [])

    monkeypatch.setattr(pipeline, "run", run)
    yield found
    OUTPUT.reset()


@pytest.mark.parametrize(
    ("line", "resume", "reuse"),
    [
        ("", "", ""),
        ("--resume", "true", ""),
        ("--no-resume --no_reuse", "false", "false"),
        ("--resume true --reuse false", "true", "false"),
        ("--resume=TRUE --reuse=0", "true", "false"),
        ("--resume yes --reuse", "true", "true"),
        ("--no-resume true --no-reuse false", "false", "true"),
        ("--resume= --seed 3", "", ""),
        ("--seed=3 --resume", "true", ""),
    ],
)
def test_a_switch_stands_alone_or_has_a_value_as_mlflow_gives_one(seen, line, resume, reuse):
    main(["run", *line.split()])
    assert (seen["resume"], seen["reuse"]) == (resume, reuse)


def test_an_empty_value_of_a_switch_is_not_given(seen):
    main(["run", "--resume", "", "--save_model", "true"])
    assert (seen["resume"], seen["save_model"]) == ("", "true")


def test_what_follows_a_switch_must_be_true_or_false(capsys):
    for given in (["--resume", "maybe"], ["--resume=maybe"]):
        with pytest.raises(SystemExit, match="1"):
            main(["run", *given])
        assert capsys.readouterr().err == (
            "alignfreeze: resume must be true or false, got 'maybe'\n"
        )


def test_what_looks_like_a_switch_may_be_a_value(seen):
    main(["run", "--model", "--resume", "--resume", "false"])
    assert (seen["model"], seen["resume"]) == ("--resume", "false")


def test_both_spellings_of_a_name_are_the_same(seen, capsys):
    main(["run", "--realign_steps", "4", "--finetune-steps", "5"])
    assert (seen["realign_steps"], seen["finetune_steps"]) == ("4", "5")
    main(["cache", "prune", "--dry_run"])
    assert "would be removed" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", "run", "data", "data check", "cache", "plugins", "sync"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_a_short_name_everywhere(command, flag, capsys):
    main([*command.split(), flag])
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "--verbose run",
        "run --verbose",
        "run --verbose true",
        "run --seed 1 --verbose --seed 2",
    ],
)
def test_what_all_commands_take_stands_anywhere(seen, line):
    main(line.split())
    assert OUTPUT.verbose
    main(["run", "--verbose", "false"])
    assert not OUTPUT.verbose


@pytest.mark.parametrize(("value", "asked"), [("1", True), ("", False), ("0", False)])
@pytest.mark.parametrize("name", ["verbose", "quiet"])
def test_a_variable_stands_for_it(seen, monkeypatch, name, value, asked):
    monkeypatch.setenv(f"ALIGNFREEZE_{name.upper()}", value)
    main(["run"])
    assert getattr(OUTPUT, name) is asked


def test_quiet_leaves_the_result_and_what_went_wrong(seen, capsys):
    main(["run", "--quiet"])
    assert not list(progress.progress_bar(range(0), "x", "y", shown=True))
    assert {logging.getLogger(name).level for name in PACKAGES} == {logging.WARNING}
    progress.progress_bar(range(3), "silent", "step", shown=True).close()
    assert capsys.readouterr().err == ""
    main(["run"])
    progress.progress_bar(range(3), "loud", "step", shown=True).close()
    assert "loud" in capsys.readouterr().err
    assert {logging.getLogger(name).level for name in PACKAGES} == {logging.INFO}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run --stratgy x", "No such option: --stratgy; did you mean '--strategy'?"),
        (
            "run --lr 1",
            "No such option: --lr; did you mean '--realign-lr' or '--finetune-lr'?",
        ),
        ("run --epochs 1", "No such option: --epochs; did you mean '--finetune-epochs'?"),
        ("run --nonsense 1", "No such option: --nonsense"),
        ("benchmark --model x", "No such option: --model; did you mean '--models'?"),
        ("rnu", "No such command 'rnu'; did you mean 'run'?"),
        ("data chekc", "No such command 'chekc'; did you mean 'check'?"),
        ("nonsense", "No such command 'nonsense'"),
    ],
)
def test_what_may_be_meant_is_suggested_and_nothing_far(line, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(line.split())
    assert capsys.readouterr().err == f"alignfreeze: {said}\n"


def test_errors_are_on_stderr_alone_where_the_result_is_for_scripts(monkeypatch, capsys):
    def fail(options):
        sys.stdout.write("a library prints\n")
        raise PluginError("the end")

    monkeypatch.setattr(pipeline, "run", fail)
    with pytest.raises(SystemExit, match="1"):
        main(["run", "--json"])
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == "a library prints\nalignfreeze: the end\n"


def test_what_one_command_line_asks_for_does_not_outlast_it():
    main(["plugins", "--json"])
    assert OUTPUT.json
    assert CliRunner().invoke(app, ["--version"]).output.startswith("alignfreeze ")
    assert not OUTPUT.json
