"""What commands ask of the tracking store, and leave in the cache, is what others know of."""

import shutil
import traceback
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking._tracking_service.client import TrackingServiceClient

import alignfreeze
from alignfreeze.base.paths import cache_root
from alignfreeze.cli.main import main
from alignfreeze.housekeeping.contents import Kind, entries_of
from alignfreeze.probing.scores import DriftScore
from alignfreeze.tracking import talking
from alignfreeze.tracking.curves import Measurement, drift_by_layer, log_measurement
from alignfreeze.tracking.layer_names import LayerName
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.store import stored_run

SMALL = ["--languages=de", "--pair-limit=50", "--realign-steps=2", "--finetune-steps=2"]


@pytest.fixture
def unguarded(monkeypatch):
    """The lines of the package that have asked MLflow for its store on their own."""
    depth, found = [0], []
    plain, store = talking._environment, TrackingServiceClient.store.fget

    @contextmanager
    def counted(values):
        depth[0] += 1
        try:
            with plain(values):
                yield
        finally:
            depth[0] -= 1

    def asked(self):
        if not depth[0]:
            package = str(Path(alignfreeze.__file__).parent)
            stack = [f for f in traceback.extract_stack() if f.filename.startswith(package)]
            found.append(f"{stack[-1].filename}:{stack[-1].lineno}" if stack else "a test")
        return store(self)

    monkeypatch.setattr(talking, "_environment", counted)
    monkeypatch.setattr(TrackingServiceClient, "store", property(asked))
    return found


def test_the_store_is_asked_in_one_way_and_the_cache_holds_what_is_known(
    cache, experiment, unguarded, tmp_path, capsys
):
    run = ["run", *SMALL, "--compare=baseline", "--alignment-pairs=10", "--save-model=true"]
    grid = ["benchmark", "--models=demo", "--tasks=pos,ner", "--seeds=31", *SMALL]
    main(run)
    main([*run, "--reuse=true"])
    main(["realign", *SMALL])
    realigned = capsys.readouterr().out.split("--encoder ")[1].split()[0]
    main(["evaluate", f"--encoder={realigned}", "--languages=de", "--finetune-steps=2"])
    main([*grid, "--strategies=front", "--drop-encoders=true"])
    main([*grid, "--strategies=front", "--dry-run"])
    main(["report", f"--output={tmp_path / 'report'}"])
    main(["cache"])
    assert unguarded == []
    held = entries_of(cache_root())
    assert {entry.kind for entry in held} >= {Kind.ALIGNMENTS, Kind.LOCKS}
    assert [entry.path for entry in held if entry.kind is Kind.OTHER] == []


def test_curves_whose_file_is_gone_are_asked_for_likewise(experiment, unguarded, tmp_path):
    layers = {LayerName("drift", "realigned", "de", layer): 0.5 for layer in (0, 1)}
    drift = [DriftScore("realigned", "de", layer.layer, value) for layer, value in layers.items()]
    with tracked_run("one") as run:
        log_measurement(run, Measurement([], drift))
    shutil.rmtree(tmp_path / "artifacts")
    made = stored_run(str(run.run_id))
    assert made is not None
    assert drift_by_layer(made) == layers
    assert unguarded == []


def test_a_call_of_its_own_is_noticed(experiment, unguarded):
    mlflow.search_runs([experiment])
    assert set(unguarded) == {"a test"}
