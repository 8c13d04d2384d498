"""Runs commands in folders of their own, maybe struck by a fault, and reads what they have left."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Fault = Mapping[str, Any]

INJECTED = Path(__file__).with_name("injected")

PATIENCE = 240.0
"""Seconds after which a command hangs."""

FINETUNED = [
    *("--task", "pos", "--languages", "de"),
    *("--finetune-steps", "24", "--checkpoint-steps", "10"),
]
SMALL = [*FINETUNED, "--pair-limit", "100", "--realign-steps", "24"]
STUDY = [*SMALL, "--workers", "2", "--heartbeat", "1"]
COMMANDS = {
    "run": ["run", *SMALL],
    "realign": ["realign", *SMALL],
    "evaluate": ["evaluate", *FINETUNED],
    "search": [
        *("search", *STUDY, "--study", "study", "--search-strategies", "front", "--trials", "2"),
        *("--sampler", "random", "--pruner", "none", "--final-seeds", "31", "--references", ","),
    ],
    "benchmark": [
        *("benchmark", "--study", "study", "--models", "demo", "--tasks", "pos"),
        *("--strategies", "baseline,front", "--seeds", "31", *STUDY[2:]),
    ],
}
"""Small commands, by what they are called in a table."""

RESUMED = {"run", "realign", "evaluate"}
"""Those that go on with ``--resume true``, and not by themselves."""

SHOWN = 110
"""Characters of an error in a line of the table."""

LINE = re.compile(r"alignfreeze: .*")  # maybe behind the bar of another process


@dataclass
class Place:
    """Where one case happens: its working folder, cache, temporary folder and store."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    closing: list[Callable[[], None]] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        """Where what is kept between runs lies."""
        return self.folder / "cache"

    @property
    def temporary(self) -> Path:
        """Where its temporary folders are made."""
        return self.folder / "tmp"

    @property
    def store(self) -> Path:
        """The file of its tracking store."""
        return self.folder / "mlflow.db"

    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        own = {
            "ALIGNFREEZE_CACHE": str(self.cache),
            "TMPDIR": str(self.temporary),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.store}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "OMP_NUM_THREADS": "1",
            "TORCH_CPP_LOG_LEVEL": "ERROR",
            "COLUMNS": "200",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "RANK"))}
        return {**inherited, **own, **self.environment}


@dataclass(frozen=True)
class Ended:
    """How a command has ended; ``None`` for its code: it had to be killed."""

    code: int | None
    output: str

    @property
    def lines(self) -> list[str]:
        """The errors that it has told of."""
        return LINE.findall(self.output)


def run(
    place: Place,
    arguments: Sequence[str],
    *,
    fault: Fault | None = None,
    program: Sequence[str] = ("-m", "alignfreeze"),
    during: Callable[[], None] = lambda: None,
) -> Ended:
    """Run a command to its end.

    Args:
        place: Where.
        arguments: Its arguments.
        fault: What strikes it, as `injected/sitecustomize.py` takes it.
        program: What Python runs.
        during: Called while it runs, again and again.
    """
    variables = place.variables()
    if fault is not None:
        variables |= {"FAULT": json.dumps(fault), "PYTHONPATH": str(INJECTED)}
    log = place.folder / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=place.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end, code = time.monotonic() + PATIENCE, None
        try:
            while (code := process.poll()) is None and time.monotonic() < end:
                time.sleep(0.1)
                during()
        finally:
            kill_all(place)
            if code is None:
                process.kill()
                process.wait()
    return Ended(code, log.read_text("utf-8", "replace").replace("\r", "\n"))


def run_processes(
    place: Place,
    programs: Sequence[Sequence[str]],
    arguments: Sequence[str],
    fault: Fault | None,
) -> Ended:
    """Run a command in two processes; each program is on a machine of its own.

    Those that follow the first have another cache, temporary folder and working folder, and
    their own tracking store.
    """
    places = [place, *(Place(place.folder / f"machine-{n}") for n in range(1, len(programs)))]
    for other in places[1:]:
        other.folder.mkdir(exist_ok=True)
    with ThreadPoolExecutor() as pool:
        tasks = [
            pool.submit(run, where, arguments, fault=fault, program=program)
            for where, program in zip(places, programs, strict=True)
        ]
        ends = [task.result() for task in tasks]
    codes = [end.code for end in ends]
    code = None if None in codes else max(code or 0 for code in codes)
    return Ended(code, "".join(end.output for end in ends))


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return int(taken.getsockname()[1])


def kill_all(place: Place) -> None:
    """Kill what still runs of a case: workers have sessions of their own."""
    mark = f"ALIGNFREEZE_CACHE={place.cache}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def copied(reference: Place, folder: Path) -> Place:
    """A place where a command has been done before: store and artifacts too."""
    shutil.copytree(reference.folder, folder)
    place = Place(folder, dict(reference.environment))
    with contextlib.closing(sqlite3.connect(place.store)) as store, store:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            store.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)",
                (str(reference.folder), str(folder)),
            )
    return place


@dataclass(frozen=True)
class Stored:
    """The runs of a store: their states, why they have not finished, and the scores of all."""

    states: list[tuple[str, str, str]]  # status, error, and whose child it is
    scores: frozenset[frozenset[tuple[str, float]]]

    @property
    def outermost(self) -> tuple[str, str]:
        """Status and reason of the last run that is in no other."""
        found = [(status, error) for status, error, parent in self.states if not parent]
        return found[-1] if found else ("none", "")

    @property
    def unexplained(self) -> list[str]:
        """Runs that neither have finished nor say why; a run that goes on is one."""
        return [status for status, error, _ in self.states if status != "FINISHED" and not error]


def stored(file: Path) -> Stored:
    """What a SQLite store holds."""
    if not file.exists():
        return Stored([], frozenset())
    with contextlib.closing(sqlite3.connect(file)) as store:
        rows = store.execute("SELECT run_uuid, status FROM runs ORDER BY start_time").fetchall()
        tags = store.execute("SELECT run_uuid, key, value FROM tags").fetchall()
        values = store.execute("SELECT run_uuid, key, value FROM latest_metrics").fetchall()
    tag = {(run, key): value for run, key, value in tags}
    finished = {run for run, status in rows if status == "FINISHED"}
    scores: dict[str, set[tuple[str, float]]] = {run: set() for run in finished}
    for run, key, value in values:
        if run in finished and key.startswith(("test/", "validation/")):
            scores[run].add((key, value))
    return Stored(
        [
            (
                status,
                tag.get((run, "alignfreeze.error"), ""),
                tag.get((run, "mlflow.parentRunId"), ""),
            )
            for run, status in rows
        ],
        frozenset(frozenset(found) for found in scores.values() if found),
    )
