"""A grid that drops its encoders: those that no cell needs any more, and none of others."""

from typing import NamedTuple

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from alignfreeze.benchmark import dropping as deciding
from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.benchmark.dropping import SharedEncoders
from alignfreeze.errors import ConfigError
from alignfreeze.runs.realigned import find_encoder
from alignfreeze.tracking import dropping, store


def realignments(experiment):
    """The runs that realigned, the oldest first."""
    runs = mlflow.search_runs([experiment], output_format="list")
    return [run for run in reversed(runs) if run.info.run_name == "realign"]


def artifacts(run) -> set[str]:
    return {file.path for file in mlflow.artifacts.list_artifacts(run_id=run.info.run_id)}


def test_an_encoder_is_dropped_when_its_cells_are_done_and_realigned_again_if_need_be(
    experiment, options, caplog, tmp_path
):
    caplog.set_level("INFO", "alignfreeze")
    outcome = benchmark({**options, "drop_encoders": "true"})
    (realigned,) = realignments(experiment)
    assert artifacts(realigned) == {"config.yaml"}
    why = "no cell of its grid needs it any more"
    assert realigned.data.tags["alignfreeze.dropped"] == why
    assert caplog.text.count(f"the encoder of run {realigned.info.run_id} is removed") == 1
    with pytest.raises(ConfigError, match=f"encoder: that of run .* was removed, since {why}"):
        find_encoder(realigned.info.run_id, tmp_path)

    # Scores are taken over as ever.
    assert not benchmark({**options, "drop_encoders": "true"}).plan.to_do
    assert len(realignments(experiment)) == 1

    # A cell that comes later has none to take over, which is no damage.
    caplog.clear()
    more = {**options, "study": "", "tasks": "pos,ner,nli"}
    planned = benchmark({**more, "dry_run": "true"}).plan
    assert len(planned.cells) - len(planned.to_do) == len(outcome.plan.cells)
    assert "1 of them realign: 1 new encoder(s); cells share them" in planned.lines()
    benchmark(more)
    assert "cannot be taken over" not in caplog.text
    first, second = realignments(experiment)
    assert artifacts(second) == {"config.yaml", "encoder"}
    assert first.data.tags["alignfreeze.phase_hash"] == second.data.tags["alignfreeze.phase_hash"]
    assert store.finished_run(first.data.tags["alignfreeze.phase_hash"]).run_id == (
        second.info.run_id
    )


def test_an_encoder_that_another_grid_has_realigned_stays(experiment, options):
    benchmark(options)
    (other,) = realignments(experiment)
    benchmark({**options, "study": "", "tasks": "pos,ner,nli", "drop_encoders": "true"})
    assert "encoder" in artifacts(other)
    assert len(realignments(experiment)) == 1


class Of(NamedTuple):
    """A cell, as far as its encoder goes."""

    config: str
    identity: str
    shares: bool = True
    realigns_before: bool = True


def test_an_encoder_stays_while_a_cell_waits_for_it(monkeypatch):
    dropped = []
    monkeypatch.setattr(deciding, "realignment_of", lambda config: config)
    monkeypatch.setattr(deciding, "drop_encoder", lambda *given: dropped.append(given))
    alone = Of("c", "4", shares=False, realigns_before=False)
    cells = [Of("a", "1"), Of("b", "2"), Of("a", "3"), alone]
    encoders = SharedEncoders(cells, "grid", shared=True)
    encoders.drop({"1": "run1", "4": "run4"})
    assert dropped == []
    encoders.drop({"1": "run1", "3": "run3", "4": "run4"})
    encoders.drop({"1": "run1", "3": "run3", "4": "run4"})
    assert dropped == [(["run1", "run3"], "grid", "encoder")]


def test_an_encoder_that_was_left_for_one_cell_goes_with_it(monkeypatch):
    dropped = []
    monkeypatch.setattr(deciding, "realignment_of", lambda config: config)
    monkeypatch.setattr(deciding, "drop_encoder", lambda *given: dropped.append(given))
    cells = [Of("a", "1"), Of("b", "2", shares=False)]
    encoders = SharedEncoders(cells, "grid", shared=False)
    encoders.drop({"1": "run1", "2": "run2"})
    assert dropped == [(["run2"], "grid", "encoder")]


@pytest.fixture
def realigned(experiment) -> tuple[str, str]:
    """A cell with a realignment of its own, and its grid."""
    with (
        mlflow.start_run() as grid,
        mlflow.start_run(nested=True) as cell,
        mlflow.start_run(run_name="realign", nested=True),
    ):
        mlflow.set_tag("alignfreeze.phase_hash", "phase")
    return cell.info.run_id, grid.info.run_id


@pytest.mark.parametrize("kind", [NotImplementedError, KeyError])
def test_a_store_that_removes_nothing_is_told_of(kind, realigned, monkeypatch, caplog):
    class Refusing:
        def delete_artifacts(self, name):
            raise kind("this store keeps everything")

    monkeypatch.setattr(dropping, "get_artifact_repository", lambda uri: Refusing())
    cell, grid = realigned
    dropping.drop_encoder([cell], grid, "encoder")
    assert f"is not removed: {kind.__name__}: " in caplog.text
    assert "this store keeps everything" in caplog.text


def test_a_store_that_does_not_answer_ends_no_grid(realigned, monkeypatch, caplog):
    cell, grid = realigned

    def fail(*_):
        raise MlflowException("API request failed with error code 502")

    monkeypatch.setattr(dropping, "_is_within", fail)
    dropping.drop_encoder([cell], grid, "encoder")
    assert "encoders that no cell needs any more are not removed: tracking store " in caplog.text
