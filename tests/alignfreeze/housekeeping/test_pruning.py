"""Only what nobody needs goes: what a live process holds, or anybody may go on from, stays."""

import os
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from alignfreeze.base.caching import building, locked
from alignfreeze.base.digests import hash_of
from alignfreeze.base.owners import OWNER_FILE, Owner, owner_of
from alignfreeze.base.processes import this_process
from alignfreeze.cli.main import main
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.housekeeping import pruning, verdicts
from alignfreeze.housekeeping.pruning import look, older_than, prune
from alignfreeze.housekeeping.verdicts import DAY, HOUR, age_text

DEAD, LIVE = "a dead process", "a live process"
HEX = "0123456789abcdef" * 2
STORE = "sqlite:///elsewhere.db"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty cache; a process that is called dead is, and none has anything open."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(verdicts, "is_dead", lambda process: process == DEAD)
    monkeypatch.setattr(verdicts, "open_paths", lambda folder: set())
    return tmp_path / "cache"


@pytest.fixture
def make(root):
    """A file of the cache, so many seconds old."""

    def file(name: str, age: float = 0) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
        at = time.time() - age
        for place in (path, *path.parents):
            if place.is_relative_to(root):
                os.utime(place, (at, at))
        return path

    return file


@pytest.fixture
def checkpoint(make, experiment):
    """A checkpoint of a run that ended with a status, of a process."""

    def file(
        status: str | None, process: str = DEAD, store: str = "", age: float = 0, deleted=False
    ) -> str:
        run_id = HEX
        if status is not None:
            with mlflow.start_run() as run:
                mlflow.set_tag("alignfreeze.process", process)
            run_id = run.info.run_id
            mlflow.MlflowClient().set_terminated(run_id, status)
        if deleted:
            mlflow.delete_run(run_id)
        name = f"checkpoints/phase/{run_id}"
        path = make(f"{name}/step-000000001/model", age)
        if process:
            Owner(process, store or mlflow.get_tracking_uri()).leave(path.parent.parent)
        at = time.time() - age
        for place in (path.parent.parent, *path.parent.parent.iterdir()):
            os.utime(place, (at, at))
        return name

    return file


def going(unused: float | None = None) -> dict[str, str]:
    """What may go, and why."""
    cache = look(unused)
    return {str(entry.path.relative_to(cache.root)): why for entry, why in cache.going}


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
def test_a_checkpoint_goes_if_nobody_can_go_on_from_it(status, options, why, checkpoint):
    name = checkpoint(status, **options)
    assert going() == ({} if why is None else {name: why})


def test_a_checkpoint_of_a_phase_that_another_run_has_finished_goes(checkpoint):
    with mlflow.start_run():
        mlflow.set_tag("alignfreeze.phase_hash", "phase")
    name = checkpoint("KILLED")
    assert going() == {name: "its phase is finished"}


@pytest.mark.parametrize(
    ("status", "process", "goes"), [("KILLED", DEAD, True), ("RUNNING", LIVE, False)]
)
def test_an_old_checkpoint_goes_unless_its_run_is_going_on(status, process, goes, checkpoint):
    name = checkpoint(status, process, age=3 * HOUR)
    assert (name in going(2 * HOUR)) == goes
    assert name not in going(4 * HOUR)


def test_without_a_store_checkpoints_stay_and_it_is_said(checkpoint, tmp_path, monkeypatch):
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


def test_what_a_study_has_left_goes_when_it_is_finished(make, experiment):
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


def test_what_is_being_written_stays_and_what_a_dead_process_left_goes(root, make):
    make(f"corpora/.en-de-{HEX}/pairs")
    make("corpora/.en-de-shards-7/00001/pairs", HOUR * 2)
    assert going() == {"corpora/.en-de-shards-7": "nobody has written to it for an hour"}
    killed = f"demo/.abc-{HEX}"
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
        f".abc-{HEX}",
        f".abc-{HEX}.lock",
        "other",
    ]


def test_a_lock_that_is_held_stays(root, make):
    make("benchmark/abc.lock", 2 * HOUR)
    with locked(root / "benchmark" / "abc"):
        os.utime(root / "benchmark" / "abc.lock", (0, 0))
        assert going(1.0) == {}
    os.utime(root / "benchmark" / "abc.lock", (0, 0))
    assert going() == {"benchmark/abc.lock": "nobody has written to it for an hour"}


def test_caches_go_by_age_alone_and_what_is_not_ours_never(make):
    make("corpora/en-de-abc/pairs", 40 * DAY)
    make("hub/google/xquad/main/xquad.de/a.parquet", 20 * DAY)
    make("unlogged/run.json", 40 * DAY)
    make("photos/cat.jpg", 40 * DAY)
    assert going() == {}
    assert going(30 * DAY) == {"corpora/en-de-abc": "not used for 40 d"}
    assert going(10 * DAY).keys() == {"corpora/en-de-abc", "hub/google/xquad/main"}


HOLDING = "import sys; file = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"


def test_what_another_process_has_open_stays(make, monkeypatch):
    monkeypatch.undo()
    held = make("corpora/en-de-abc/pairs", 40 * DAY)
    make("corpora/en-fr-abc/pairs", 40 * DAY)
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(held.parents[2]))
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout.readline() == b"1\n"
        assert going(DAY).keys() == {"corpora/en-fr-abc"}
        other.stdin.close()


def test_pruning_removes_what_goes_and_folders_that_only_that_was_in(root, checkpoint, make):
    name = checkpoint("FINISHED")
    make("corpora/en-de-abc/pairs")
    make("corpora/en-fr-abc/pairs", 40 * DAY)
    cache = look(30 * DAY)
    whole = sum(entry.size for entry, _ in cache.going)
    assert prune(cache) == whole > 0
    assert not (root / name).exists()
    assert [path.name for path in (root / "corpora").iterdir()] == ["en-de-abc"]
    assert prune(look(0)) > 0
    assert [*(root / "corpora").iterdir(), *(root / "checkpoints").iterdir()] == []


def test_what_cannot_be_removed_is_told_and_the_rest_is_removed(root, make, monkeypatch):
    kept = make("corpora/en-de-abc/pairs", 40 * DAY)
    gone = make("demo/abc/text", 40 * DAY)
    remove = pruning._remove

    def refusing(path, root):
        if path.parent.name == "corpora":
            raise PermissionError(13, "Permission denied")
        remove(path, root)

    monkeypatch.setattr(pruning, "_remove", refusing)
    with pytest.raises(AlignFreezeError, match=r"cannot be removed: .*en-de-abc \(Permission den"):
        prune(look(DAY))
    assert kept.exists()
    assert not gone.exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("", None), ("30d", 30 * DAY), ("12h", 12 * HOUR), ("2w", 14 * DAY)]
)
def test_an_age_is_a_number_with_its_unit(text, seconds):
    assert older_than(text) == seconds
    assert older_than("3") == 3 * DAY


@pytest.mark.parametrize("text", ["x", "-3d", "3 days", "d", "1" * 400, "30d\n"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(ConfigError, match="older-than must be an age such as 30d, 12h or 2w, got"):
        older_than(text)


def test_ages_are_told_in_one_unit():
    ages = [age_text(seconds) for seconds in (240, 3 * HOUR, 47 * HOUR, 12 * DAY)]
    assert ages == ["4 min", "3 h", "47 h", "12 d"]


def test_whose_a_folder_is_has_no_password_and_may_be_unreadable(tmp_path):
    Owner(this_process(), "postgresql://u:secret@h/db").leave(tmp_path)
    assert owner_of(tmp_path) == Owner(this_process(), "postgresql://u:***@h/db")
    (tmp_path / OWNER_FILE).write_text("[]")
    assert owner_of(tmp_path) is None
    assert owner_of(tmp_path / "nothing") is None


def test_the_command_shows_prunes_and_tells(root, checkpoint, make, capsys):
    name = checkpoint("FINISHED")
    make("corpora/en-de-abc/pairs", 40 * DAY)
    make("photos/cat.jpg")
    main(["cache"])
    shown = capsys.readouterr().out
    assert "aligned text" in shown
    assert f"not known, and left: {root}/photos" in shown
    main(["cache", "prune", "--older-than", "30d", "--dry-run"])
    dry = capsys.readouterr().out
    assert f"{root}/{name}: " in dry
    assert "2 of 3 would be removed: " in dry
    assert (root / name).is_dir()
    main(["cache", "prune", "--older-than", "30d"])
    assert capsys.readouterr().out == dry.replace("would be removed", "removed")
    assert [path for path in root.rglob("*") if path.is_file()] == [root / "photos" / "cat.jpg"]
    main(["cache", "prune"])
    assert "0 of 1 removed: 0 bytes" in capsys.readouterr().out
