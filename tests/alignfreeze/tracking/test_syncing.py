import json
import math
from types import SimpleNamespace

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from alignfreeze.base.caching import locked
from alignfreeze.contracts import Outcomes, Parts
from alignfreeze.errors import ConfigError, DataError, TrackingError
from alignfreeze.evaluation.outcome_files import (
    OutcomeOrigin,
    outcome_file,
    read_origin,
    read_parts,
)
from alignfreeze.runs.predictions import log_predictions
from alignfreeze.tracking.inputs import data_set
from alignfreeze.tracking.location import artifact_path
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.syncing import sync


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the one journal is."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    return lambda: next((tmp_path / "cache" / "unlogged").iterdir())


def write_all(run, name, files, other=""):
    """Everything that a run can be told."""
    run.rename(f"{name} seed 31")
    run.describe(f"| {name} |")
    run.inputs([data_set("demo pos test", "test", "0123", "owner/name", {"de": 3})])
    run.params({"name": name, "text": "ä\n\u2028€"})
    run.tags({"model": "demo", "realign_run": other or str(run.run_id)})
    for step in range(3):
        run.metric("loss", step / 3, step)
    run.metric("worst", math.nan)
    files.mkdir()
    (files / "a.bin").write_bytes(b"\x00\xff")
    (files / "made.json").write_text(json.dumps({"run": other or run.run_id}))
    run.artifacts(files, "kept")
    run.text("language,value\n", "results.csv")


def do(tmp_path, road=None, error=None):
    """An outer run and one nested in it, from the time on when the store is away, if it goes."""
    with tracked_run("outer") as outer:
        run_ids = [outer.run_id]
        if road is not None:
            outer.waits(0)
            road.closed_for = math.inf
        try:
            with tracked_run("inner", nested=True) as inner:
                run_ids.append(inner.run_id)
                write_all(inner, "inner", tmp_path / f"in-{outer.run_id}")
                if error is not None:
                    raise error
        finally:
            write_all(outer, "outer", tmp_path / f"out-{outer.run_id}", inner.run_id)
    if road is not None:
        road.closed_for = 0
    return run_ids


SOURCE = ("mlflow.user", "mlflow.source")


def content(run_id):
    """All that is known of a run, but for ids and times."""
    run, client = mlflow.get_run(run_id), MlflowClient()
    histories = {
        name: [
            (metric.step, str(metric.value)) for metric in client.get_metric_history(run_id, name)
        ]
        for name in run.data.metrics
    }
    ours = {n: text for n, text in run.data.tags.items() if n.startswith(("alignfreeze.", *SOURCE))}
    assert run.info.end_time >= run.info.start_time
    other = ours.pop("alignfreeze.realign_run", None)
    ours.pop("alignfreeze.unlogged", None)
    files = {f.path for f in client.list_artifacts(run_id, "kept")}
    made = json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/kept/made.json"))
    assert made == {"run": other}
    results = mlflow.artifacts.load_text(f"runs:/{run_id}/results.csv")
    inputs = [one.to_dictionary() for one in run.inputs.dataset_inputs]
    about = run.info.run_name, run.info.status, run.data.tags["mlflow.note.content"]
    return *about, run.data.params, ours, inputs, histories, files, results


def inner_of(outer):
    (found,) = mlflow.search_runs(
        filter_string=f"tags.`mlflow.parentRunId` = '{outer}'",
        search_all_experiments=True,
        output_format="list",
    )
    return found.info.run_id


def same_as_with_a_store(tmp_path, outer):
    expected = do(tmp_path)
    inner = inner_of(outer)
    assert content(outer) == content(expected[0])
    assert content(inner) == content(expected[1])
    assert mlflow.get_run(outer).data.tags["alignfreeze.realign_run"] == inner


def test_what_is_logged_later_is_what_would_have_been(road, tmp_path, folder):
    outer, _ = do(tmp_path, road)
    assert mlflow.get_run(outer).info.status != "FINISHED"
    done = sync(folder())
    assert done.writes == len((folder() / "writes.jsonl").read_text("utf-8").split("\n")) - 1
    same_as_with_a_store(tmp_path, outer)
    assert sync(folder()) == done
    same_as_with_a_store(tmp_path, outer)


def test_predictions_are_logged_later_too(road, tmp_path, folder):
    data = SimpleNamespace(name="nli", contents=lambda split: {"de": "0123"})
    outcomes = {"de": Outcomes(["a", "b"], ["a", "a"], {"accuracy": Parts.of([1, 0])})}
    with tracked_run("finetune-nli") as run:
        run.waits(0)
        road.closed_for = math.inf
        phases = SimpleNamespace(folder=tmp_path / "phases")
        log_predictions(phases, run, data, {"test": outcomes})
    road.closed_for = 0
    assert not any((tmp_path / "phases").rglob("*.parquet"))
    sync(folder())
    path = artifact_path(run.run_id, outcome_file("test"), tmp_path)
    assert read_origin(path) == OutcomeOrigin("nli", "test", {"de": "0123"})
    assert read_parts(path, "accuracy")["de"].numerator.tolist() == [1, 0]


def test_a_sync_that_is_interrupted_anywhere_goes_on(road, tmp_path, folder, interrupted_sync):
    outer, _ = do(tmp_path, road)
    interrupted_sync(folder())
    same_as_with_a_store(tmp_path, outer)


def test_a_failure_while_the_store_is_away_is_logged_later(road, tmp_path, folder):
    error = DataError("the cause")
    with pytest.raises(DataError) as caught:
        do(tmp_path, road, error)
    assert caught.value is error
    road.closed_for = 0
    sync(folder())
    (outer,) = mlflow.search_runs(
        filter_string="params.`cfg.name` = 'outer' and attributes.status = 'FAILED'",
        output_format="list",
    )
    for run_id in (outer.info.run_id, inner_of(outer.info.run_id)):
        found = mlflow.get_run(run_id)
        assert found.info.status == "FAILED"
        assert found.data.tags["alignfreeze.error"] == "the cause"


def test_a_store_that_is_still_away_is_told(road, tmp_path, folder):
    do(tmp_path, road)
    road.closed_for = math.inf
    with pytest.raises(TrackingError, match="nothing listens there"):
        sync(folder())


def test_a_journal_is_for_its_store(road, tmp_path, folder):
    outer, _ = do(tmp_path, road)
    about = folder() / "journal.json"
    text = about.read_text("utf-8")
    about.write_text(json.dumps({**json.loads(text), "store": "http://other:5000"}), "utf-8")
    with pytest.raises(ConfigError, match=r"is for the tracking store http://other:5000, and MLFL"):
        sync(folder())
    sync(folder(), any_store=True)
    same_as_with_a_store(tmp_path, outer)


def test_a_journal_that_is_in_use_is_left_alone(road, tmp_path, folder):
    do(tmp_path, road)
    with (
        locked(folder() / "writes.jsonl"),
        pytest.raises(ConfigError, match="is in use by another process"),
    ):
        sync(folder())


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", '{"kind": "tags"}', '{"kind": "artifacts", "run_id": "1", "values": {}}']
    + [
        json.dumps({"kind": "artifacts", "run_id": "1", "values": {"folder": place, "name": None}})
        for place in ("/etc", "../..")
    ],
)
def test_a_damaged_line_is_named(road, tmp_path, folder, line):
    do(tmp_path, road)
    file = folder() / "writes.jsonl"
    count = file.read_bytes().count(b"\n")
    with file.open("a") as writes:
        writes.write(f"{line}\n")
    with pytest.raises(DataError, match=rf"writes\.jsonl:{count + 1}: is not as it was written"):
        sync(folder())


def test_a_last_line_that_was_cut_was_never_written(road, tmp_path, folder):
    outer, _ = do(tmp_path, road)
    with (folder() / "writes.jsonl").open("a") as writes:
        writes.write('{"kind": "ta')
    sync(folder())
    same_as_with_a_store(tmp_path, outer)


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"format": 2}', '{"format": 1}'])
def test_another_folder_is_no_journal(tmp_path, text):
    if text is not None:
        (tmp_path / "journal.json").write_text(text)
    with pytest.raises(DataError, match=r"no folder of results .*; look into .*unlogged"):
        sync(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"store": ""', '{"store": 1}', '{"store": "", "writes": -1}', "[" * 9999]
)
def test_how_far_an_earlier_sync_came_is_not_guessed(road, tmp_path, folder, text):
    do(tmp_path, road)
    (folder() / "synced.json").write_text(text)
    with pytest.raises(DataError, match=r"synced\.json: cannot be read; without it all is logged"):
        sync(folder())
