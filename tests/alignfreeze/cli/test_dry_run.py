"""Dry runs on the command line."""

import pytest
from typer.testing import CliRunner

from alignfreeze.cli.dry_run import without_dry_run
from alignfreeze.cli.main import app, main
from alignfreeze.data.finding import ENCODER
from alignfreeze.errors import ConfigError
from alignfreeze.planning import dry_run
from alignfreeze.planning.plan import PlannedPhase, RunPlan


@pytest.mark.parametrize("command", ["run", "realign", "evaluate"])
def test_a_plan_is_printed_and_nothing_done(command, monkeypatch):
    seen = []
    phase = PlannedPhase("front", "realign", 1200, "16 × 96", None, 3 * 2**30, 61.0)

    def plan(options):
        seen.append(options)
        return RunPlan([phase], ["pos: 7 rows"], "cpu, fp32")

    monkeypatch.setitem(dry_run.PLANS, command, plan)
    encoder = ["--encoder", str(ENCODER)] if command == "evaluate" else []
    result = CliRunner().invoke(app, [command, "--dry-run", "true", "--seed", "3", *encoder])
    assert result.exit_code == 0, result.output
    assert seen[0]["seed"] == "3"
    assert "dry_run" not in seen[0]
    rows = [line.split("│") for line in result.output.splitlines() if "│" in line]
    cells = [cell.strip() for cell in rows[-1][1:-1]]
    assert cells == ["front", "realign", "to do", "1,200", "3.0 GiB", "0:01:01", "16 × 96"]
    assert "pos: 7 rows\n1 phase(s): 0 taken over, 1 to do\nat most 3.0 GiB" in result.output
    assert "about 0:01:01 (h:mm:ss), as measured before" in result.output


def test_a_dry_run_is_one_or_not():
    assert without_dry_run({"seed": "1", "dry_run": "true"}) == ({"seed": "1"}, True)
    assert without_dry_run({"seed": "1", "dry_run": ""}) == ({"seed": "1"}, False)
    with pytest.raises(ConfigError, match="dry_run must be"):
        without_dry_run({"dry_run": "perhaps"})


def test_wrong_options_are_told_before_anything_is_planned(monkeypatch, capsys):
    monkeypatch.setitem(dry_run.PLANS, "run", lambda options: pytest.fail("planned"))
    with pytest.raises(SystemExit):
        main(["run", "--strategy", "fornt", "--dry-run"])
    assert "no strategy 'fornt'" in capsys.readouterr().err
