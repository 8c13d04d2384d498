"""Cells of tasks that realign for different numbers of steps: one realignment for all of them."""

import mlflow
import pytest

from alignfreeze.benchmark.cells import cells_of
from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.benchmark.settings import build_benchmark
from alignfreeze.errors import AlignFreezeError
from alignfreeze.runs.finetune_phase import FinetunePhases
from alignfreeze.tracking import store
from alignfreeze.tracking.names import Kind

LENGTHS = {
    "preset": "standard",
    "data": "demo",
    "models": "demo",
    "tasks": "qa,pos",
    "strategies": "front",
    "languages": "de",
    "realign_steps": "",
    "finetune_steps": "",
    "finetune_epochs": "3",
    "max_length": "64",
    "realign_max_length": "64",
}
"""QA takes fewer steps than PoS, which has more rows."""


@pytest.fixture
def lengths(options):
    return {**options, **LENGTHS}


def realignments(status="FINISHED"):
    """By steps."""
    runs = [run for run in store.stored_runs(()) if run.status == status]
    return {int(r.params["realign_steps"]): r for r in runs if r.kind is Kind.REALIGNMENT}


def artifacts(run):
    return {file.path for file in mlflow.artifacts.list_artifacts(run_id=run.run_id)}


def test_what_cells_have_in_common_whose_steps_differ(lengths):
    def ways(**change):
        found = cells_of(build_benchmark({**lengths, **change}))
        return [cell.trajectory for cell in found]

    both = ways()
    assert both[0]
    assert both[0] == both[1]
    assert ways(tasks="pos") == [""]
    assert ways(realign_steps="3") == ["", ""]
    assert ways(strategies="baseline") == ["", ""]
    assert len(set(ways(seeds="31,42"))) == 2
    # Tasks that have different languages realign different ones, unless that is said.
    assert ways(languages="") != both


def test_one_realignment_is_for_all_tasks(experiment, lengths):
    outcome = benchmark(lengths)
    found = realignments()
    short, long = (found[steps] for steps in sorted(found))
    assert short.tags["on_way_of"] == long.run_id
    qa, pos = outcome.rows()
    assert long.tags["wanted_by"] == outcome.plan.cells[1].identity
    by_id = {run.run_id: run for run in store.stored_runs(())}
    assert by_id[qa["run_id"]].tags["realign_run"] == short.run_id
    assert by_id[pos["run_id"]].tags["realign_run"] == long.run_id
    # None is kept, as each is for one cell alone.
    assert {artifacts(run) == {"config.yaml"} for run in found.values()} == {True}
    assert not benchmark({**lengths, "dry_run": "true"}).plan.to_do


def test_a_cell_that_fails_loses_nothing(experiment, lengths, monkeypatch):
    def fail(*args, **kwargs):
        raise AlignFreezeError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(FinetunePhases, "finetune", fail)
        with pytest.raises(AlignFreezeError, match="2 of 2 cells failed, such as demo, qa"):
            benchmark(lengths)
    before = realignments()
    assert len(before) == 2
    planned = benchmark({**lengths, "dry_run": "true"}).plan
    assert "2 of them realign: 0 new encoder(s), 2 of done cells" in planned.lines()
    benchmark(lengths)
    assert {run.run_id for run in realignments().values()} == {r.run_id for r in before.values()}
    assert not [run for run in before.values() if "encoder" in artifacts(run)]
