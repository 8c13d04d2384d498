"""What the machine is to blame for is one line with a remedy, whoever says it and however."""

import errno
import os
import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from alignfreeze.base import disks
from alignfreeze.base.faults import (
    MEMORY_REMEDY,
    disk_fault,
    memory_fault,
    reason_of,
    shortage,
    told,
    unwritable,
)
from alignfreeze.cli.main import main
from alignfreeze.errors import ConfigError, DataError, PluginError, ResourceError
from alignfreeze.runs import pipeline

FULL = Path("/dev/full")
"""A file that every write to ends as on a full disk. Not for safetensors, which would put a file of
its own in its place, as root."""


def system_error(number: int, *paths: str) -> OSError:
    if len(paths) == 2:
        return OSError(number, os.strerror(number), paths[0], None, paths[1])
    return OSError(number, os.strerror(number), *paths)


def caught(call) -> BaseException:
    with pytest.raises((OSError, RuntimeError, MemoryError)) as told:
        call()
    return told.value


def written() -> None:
    with FULL.open("w") as file:
        file.write("text")


def written_by_arrow() -> None:
    with pa.OSFile(str(FULL), "wb") as file:
        file.write(b"text")


def sqlite_error(message: str) -> OperationalError:
    return OperationalError("INSERT", {}, sqlite3.OperationalError(message))


class SafetensorError(Exception):
    """As safetensors has one."""


FULL_DISKS = {
    "file": lambda: caught(written),
    "Arrow": lambda: caught(written_by_arrow),
    "torch": lambda: caught(lambda: torch.save({"a": torch.zeros(9999)}, FULL)),
    "safetensors": lambda: SafetensorError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    ),
    "SQLite": lambda: sqlite_error("database or disk is full"),
    "MLflow": lambda: MlflowException("(sqlite3.OperationalError) database or disk is full"),
    "tempfile": lambda: FileNotFoundError(
        errno.ENOENT, "No usable temporary directory found in ['/tmp', '/var/tmp']"
    ),
}


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("library", FULL_DISKS)
def test_a_full_disk_is_told_of_whatever_library_met_it(library):
    error = FULL_DISKS[library]()
    for said in (told(error), disk_fault(error), reason_of(error)):
        assert said is not None
        assert said.startswith("the disk is full")
        database = library in ("SQLite", "MLflow")
        assert "MLFLOW_TRACKING_URI" in said
        assert ("ALIGNFREEZE_CACHE" in said) == ("TMPDIR" in said) == (not database)
        assert "\n" not in said
    assert memory_fault(error) is None


def test_of_a_database_its_own_words_are_told_and_no_statement():
    said = told(MlflowException("INSERT INTO runs (a, b) (sqlite3) database or disk is full, b"))
    assert said.startswith("the disk is full (database or disk is full); make room; ")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full: "),
        (errno.EDQUOT, "the disk quota is used up: "),
        (errno.EFBIG, "a file may not be as large as it would get: "),
        (errno.EROFS, "the file system cannot be written to: "),
        (errno.EACCES, "there is no permission: "),
        (errno.EPERM, "it is not permitted: "),
        (errno.EIO, "the disk fails: "),
        (errno.EMFILE, "too many files are open; `ulimit -n"),
    ],
)
def test_what_the_system_says_is_told_with_the_file_and_what_moves_it(
    number, said, tmp_path, monkeypatch
):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path))
    line = told(system_error(number, str(tmp_path / "corpora" / "file")))
    assert line.startswith(said)
    if number != errno.EMFILE:
        assert f"{tmp_path}/corpora/file" in line
        assert "ALIGNFREEZE_CACHE=FOLDER moves" in line
    assert ("are free in" in line) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_of_a_copy_the_file_that_is_written_is_named():
    line = told(system_error(errno.ENOSPC, "/read/from", "/written/to"))
    assert "/written/to" in line
    assert "/read/from" not in line


def test_the_one_full_disk_is_named_where_the_error_names_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path))
    monkeypatch.setattr(disks, "free_in", lambda folder: 5000 if folder == tmp_path else 1 << 40)
    assert told(system_error(errno.ENOSPC)).startswith(
        f"the disk is full: 5.0 kB are free in {tmp_path}; `alignfreeze cache prune` makes room"
    )


@pytest.mark.parametrize(("free", "asked"), [(5000, False), (1 << 40, True)])
def test_a_full_disk_with_much_room_has_another_limit(free, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(disks, "free_in", lambda folder: free)
    line = told(system_error(errno.ENOSPC, str(tmp_path / "file")))
    assert ("(has it a quota, or room for more files?)" in line) is asked


def test_a_remedy_is_for_the_folder_that_a_file_is_in(tmp_path, monkeypatch):
    places = {name: tmp_path / name for name in ("cache", "work", "other")}
    for place in places.values():
        place.mkdir()
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(places["cache"]))
    monkeypatch.setattr(disks, "temporary_folder", lambda: tmp_path)
    monkeypatch.chdir(places["work"])
    assert "ALIGNFREEZE_CACHE" in disks.remedy(places["cache"] / "file")
    assert "MLFLOW_TRACKING_URI" in disks.remedy(places["work"] / "mlruns" / "file")
    assert "MLFLOW_TRACKING_URI" in disks.remedy(places["other"])
    monkeypatch.setenv("HF_HOME", str(places["other"]))
    assert "HF_HOME=FOLDER" in disks.remedy(places["other"] / "hub" / "blobs")
    for name in ("alignfreeze-5uq/a", "tmp7f"):
        moved = disks.remedy(tmp_path / name)
        assert moved == "make room there; TMPDIR=FOLDER moves temporary files"
    assert "MLFLOW_TRACKING_URI" in disks.remedy(Path("/elsewhere"))


class OutOfMemoryError(RuntimeError):
    """As torch has one for accelerators."""


SHORT_MEMORY = {
    "Python": lambda: MemoryError(),
    "NumPy": lambda: caught(lambda: np.zeros(1 << 50)),
    "torch": lambda: caught(lambda: torch.zeros(1 << 48)),
    "CUDA": lambda: OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
    "MPS": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    "Windows": lambda: RuntimeError("not enough memory: you tried to allocate 9 bytes."),
    "loader": lambda: ImportError("libc10.so: failed to map segment from shared object"),
    "fork": lambda: system_error(errno.ENOMEM),
}


@pytest.mark.parametrize("library", SHORT_MEMORY)
def test_short_memory_is_told_of_with_the_options_that_help(library):
    said = told(SHORT_MEMORY[library]())
    assert said is not None
    assert said.startswith("memory is short (")
    assert said.endswith(f"); {MEMORY_REMEDY}")
    assert disk_fault(SHORT_MEMORY[library]()) is None


def test_what_a_full_disk_has_led_to_is_told_of_as_that():
    def raised(error, cause):
        try:
            raise error from cause
        except type(error) as found:
            return found

    full = system_error(errno.ENOSPC, "/a/b")
    assert told(raised(RuntimeError("no run"), full)) == told(full)
    assert told(raised(PluginError("it has failed"), MemoryError())).startswith("memory is short")
    assert told(raised(ResourceError("the model will not fit"), full)) == "the model will not fit"
    assert told(raised(ConfigError("of its own"), KeyError("a"))) == "of its own"
    # What was dealt with is no cause.
    assert told(raised(KeyError("a"), None)) is None


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        RuntimeError("shape"),
        FileNotFoundError(2, ""),
        # Of a socket, or a process that is signalled.
        system_error(errno.EACCES),
        system_error(errno.EPERM),
        ConnectionError("HTTPConnection: [Errno 13] Permission denied"),
        # What speaks of memory or files, and has another reason.
        RuntimeError("the pool is out of memory slots"),
        RuntimeError("[enforce fail at inline_container.cc:145] . PytorchStreamReader failed"),
    ],
)
def test_what_the_machine_is_not_to_blame_for_is_not_told_of(error):
    assert shortage(error) is None
    assert told(error) is None


def test_a_file_that_is_refused_hides_no_other_error():
    refused = system_error(errno.EACCES, "/etc/shadow")
    assert told(refused) == "there is no permission: /etc/shadow"
    assert shortage(refused) is None

    def error_after(found, *, cause=None):
        found.__context__, found.__cause__ = refused, cause
        return found

    assert told(error_after(KeyError("of ours"))) is None
    assert told(error_after(DataError("cannot be read"), cause=refused)) == "cannot be read"


def test_a_terminal_that_is_gone_needs_no_room():
    assert "make room" not in told(system_error(errno.EIO))


def test_what_cannot_be_written_is_a_fault_of_the_disk_or_of_the_place(tmp_path):
    full = unwritable("output", tmp_path, system_error(errno.ENOSPC))
    assert isinstance(full, ResourceError)
    assert str(full).startswith("output cannot be written: the disk is full: ")
    other = unwritable("output", tmp_path, system_error(errno.ENOTDIR))
    assert not isinstance(other, (DataError, ResourceError))
    assert str(other) == f"{tmp_path}: output cannot be written: Not a directory"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (system_error(errno.ENOSPC), "alignfreeze: the disk is full"),
        (MemoryError(), "alignfreeze: memory is short (MemoryError); "),
    ],
)
def test_a_command_ends_with_one_line_and_exit_code_1(error, line, monkeypatch, capsys):
    def run(options):
        raise error

    monkeypatch.setattr(pipeline, "run", run)
    with pytest.raises(SystemExit, match=r"^1$"):
        main(["run"])
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(line)
