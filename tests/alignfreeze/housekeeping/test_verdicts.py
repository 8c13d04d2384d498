"""What a live process holds, or anybody may go on from, stays."""

import errno
import os
import subprocess
import sys
import time

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from alignfreeze.base.caching import building, locked
from alignfreeze.base.digests import hash_of
from alignfreeze.housekeeping import use, verdicts
from alignfreeze.housekeeping.pruning import look
from alignfreeze.housekeeping.verdicts import DAY, HOUR, age_text

KEY = "0123456789abcdef"
HEX = KEY * 2
DEAD, LIVE = "a dead process", "a live process"
STORE = "sqlite:///elsewhere.db"


@pytest.mark.parametrize(
    ("status", "options", "why"),
    [
        ("FINISHED", {}, "its phase is finished"),
        ("KILLED", {"deleted": True}, "its run was deleted"),
        (None, {}, "its run is gone"),
        ("KILLED", {}, None),
        ("FAILED", {}, None),
        ("RUNNING", {}, None),
        ("RUNNING", {"process": LIVE}, None),
        ("RUNNING", {"process": ""}, None),
        ("FINISHED", {"process": LIVE}, None),
        (None, {"process": LIVE}, None),
        ("FINISHED", {"store": STORE}, None),
        # An older version has not said whose it is.
        ("FINISHED", {"process": ""}, "its phase is finished"),
        (None, {"process": ""}, None),
    ],
)
def test_a_checkpoint_goes_if_nobody_can_go_on_from_it(status, options, why, checkpoint, going):
    name = checkpoint(status, **options)
    assert going() == ({} if why is None else {name: why})


@pytest.mark.parametrize(
    ("store", "gone"),
    [
        ("http://localhost:5000", False),
        ("http://127.0.0.1:5000", False),
        ("postgresql://u:***@localhost/db", False),
        ("sqlite:///mlflow.db?timeout=60", False),
        ("mlruns", False),
        ("databricks", False),
        ("https://mlflow.example.org", True),
        ("sqlite:////home/u/mlflow.db", True),
        ("sqlite:////home/u/mlflow.db?timeout=60", True),
        ("file:///home/u/mlruns", True),
    ],
)
def test_a_run_is_gone_where_its_store_is_no_other(store, gone, checkpoint, monkeypatch, going):
    checkpoint(None, store=store)
    monkeypatch.setattr(verdicts.Judge, "_store", store)
    monkeypatch.setattr(verdicts.Judge, "_no_store", "")
    with mlflow.start_run():  # in another store it says nothing
        mlflow.set_tag("alignfreeze.phase_hash", HEX)
    assert list(going().values()) == ["its run is gone"] * gone


def test_a_checkpoint_of_a_phase_that_another_run_has_finished_goes(checkpoint, going):
    with mlflow.start_run():
        mlflow.set_tag("alignfreeze.phase_hash", HEX)
    name = checkpoint("KILLED")
    assert going() == {name: "its phase is finished"}


@pytest.mark.parametrize(
    ("status", "process", "goes"), [("KILLED", DEAD, True), ("RUNNING", LIVE, False)]
)
def test_an_old_checkpoint_goes_unless_its_run_goes_on(status, process, goes, checkpoint, going):
    name = checkpoint(status, process, age=3 * HOUR)
    assert (name in going(2 * HOUR)) == goes
    assert name not in going(4 * HOUR)


def test_without_a_store_checkpoints_stay_and_it_is_said(checkpoint, tmp_path, monkeypatch, going):
    checkpoint("FINISHED", process="")
    store, uri = mlflow.get_tracking_uri(), f"sqlite:///{tmp_path / 'nothing.db'}"
    mlflow.set_tracking_uri(uri)
    assert going() == {}
    assert look().lines() == [f"checkpoints: 1 kept, there is no tracking store {uri} to ask"]
    assert not (tmp_path / "nothing.db").exists()
    mlflow.set_tracking_uri(store)

    def fail(run_id):
        raise MlflowException("HTTP 500")

    monkeypatch.setattr(mlflow, "get_run", fail)
    assert going() == {}
    (line,) = look().lines()
    assert line.startswith(f"checkpoints: 1 kept, tracking store {store} cannot say what became")
    assert line.endswith("HTTP 500")


def test_what_a_study_has_left_goes_when_it_is_finished(make, experiment, going):
    with mlflow.start_run() as run:
        mlflow.set_tag("alignfreeze.study", "mine")
        mlflow.set_tag("alignfreeze.process", LIVE)
        key = hash_of(["mine", run.info.run_id])[:16]
        make(f"search/{key}/identity/model", 9 * DAY)
        make(f"benchmark/{key}-logs/worker-0.log", 9 * DAY)
        make("search/fedcba9876543210/identity/model")
        assert going(DAY) == {}
    assert going() == {
        f"search/{key}": "its study is finished",
        f"benchmark/{key}-logs": "its study is finished",
    }


def test_what_is_being_written_stays_and_what_a_dead_process_left_goes(root, make, going):
    make(f"corpora/.en-de-{HEX}/pairs")
    make("corpora/.en-de-shards-7/00001/pairs", HOUR * 2)
    assert going() == {"corpora/.en-de-shards-7": "nobody has written to it for an hour"}
    killed = f"demo/.{KEY}-{HEX}"
    make(f"{killed}/text")
    make(f"{killed}.lock")
    left = {killed: "its process is dead", f"{killed}.lock": "its process is dead"}
    assert going().items() >= left.items()
    with locked(root / "corpora" / ".en-de-shards-7" / ".00002-abc"):
        assert going() == left
    with building(root / "demo" / "other") as folder:
        (folder / "text").write_text("half of it")
        assert going(0.0).keys() >= left.keys()
        assert not any("other" in name for name in going(0.0))
    assert sorted(path.name for path in (root / "demo").iterdir()) == [
        f".{KEY}-{HEX}",
        f".{KEY}-{HEX}.lock",
        "other",
    ]


def test_a_lock_that_is_held_stays(root, make, going):
    make(f"benchmark/{KEY}.lock", 2 * HOUR)
    with locked(root / "benchmark" / KEY):
        os.utime(root / "benchmark" / f"{KEY}.lock", (0, 0))
        assert going(1.0) == {}
    os.utime(root / "benchmark" / f"{KEY}.lock", (0, 0))
    assert going() == {f"benchmark/{KEY}.lock": "nobody has written to it for an hour"}


def test_where_it_cannot_be_told_what_is_locked_it_stays(make, monkeypatch, going):
    make(f"demo/.{KEY}-{HEX}/text", 2 * DAY)
    make(f"demo/.{KEY}-{HEX}.lock", 2 * DAY)

    def fail(path, wait):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(use, "locked", fail)
    assert going(DAY) == {}


def test_a_clock_that_is_wrong_ages_nothing(root, make, monkeypatch, going):
    root.mkdir()
    make(f"corpora/.en-de-{KEY}-shards-7/00001/pairs")
    make(f"corpora/en-de-{KEY}/pairs")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 40 * DAY)
    assert going(30 * DAY) == {}


def test_caches_go_by_age_alone_and_what_is_not_ours_never(make, going):
    make(f"corpora/en-de-{KEY}/pairs", 40 * DAY)
    make("hub/google/xquad/main/xquad.de/a.parquet", 20 * DAY)
    make("unlogged/run.json", 40 * DAY)
    make("photos/cat.jpg", 40 * DAY)
    assert going() == {}
    assert going(30 * DAY) == {f"corpora/en-de-{KEY}": "not used for 40 d"}
    assert going(10 * DAY).keys() == {f"corpora/en-de-{KEY}", "hub/google/xquad/main"}


HOLDING = "import sys; file = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"


def test_what_another_process_has_open_stays(make, monkeypatch, going):
    monkeypatch.undo()
    held = make(f"corpora/en-de-{KEY}/pairs", 40 * DAY)
    make(f"corpora/en-fr-{KEY}/pairs", 40 * DAY)
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(held.parents[2]))
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout.readline() == b"1\n"
        assert going(DAY).keys() == {f"corpora/en-fr-{KEY}"}
        other.stdin.close()


def test_ages_are_told_in_one_unit():
    ages = [age_text(seconds) for seconds in (240, 3 * HOUR, 47 * HOUR, 12 * DAY)]
    assert ages == ["4 min", "3 h", "47 h", "12 d"]
