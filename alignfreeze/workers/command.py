"""The command that a worker runs, and what became of it."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from alignfreeze.credentials import STORAGE_VARIABLE

SEARCH_WORKER = "search-worker"
BENCHMARK_WORKER = "benchmark-worker"

END_OF_LOG = 8192  # bytes, in which the last line is looked for

AFTER_A_SIGNAL = {-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGINT}
"""Exit codes of a worker that was asked to end, and did."""


@dataclass(frozen=True)
class WorkerCommand:
    """The command of a worker: a program, on other machines the same, and a subcommand of it.

    Attributes:
        study: Name of the study.
        storage: URL of the storage that the study is in.
        environment: Variables that each worker gets beside those that it inherits.
    """

    study: str
    storage: str = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    program: Sequence[str] = (sys.executable, "-m", "alignfreeze")
    subcommand: str = SEARCH_WORKER

    def start(
        self, log: Path, settings: Mapping[str, str], *, own_session: bool = True
    ) -> subprocess.Popen[bytes]:
        """Start a worker.

        Args:
            log: File that all it says is added to.
            settings: Further variables of its environment; ``environment`` goes before them.
            own_session: Whether what is sent to the group of this process is kept from it.
        """
        variables = {**os.environ, **settings, **self.environment, STORAGE_VARIABLE: self.storage}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(
                [*self.program, self.subcommand, f"--study={self.study}"],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=own_session,
            )


class Ending(NamedTuple):
    """How a worker ended: its exit code, or minus the signal that ended it; and its last line."""

    code: int
    said: str

    def problem(self, *, asked: bool) -> str:
        """How it ended, if badly; a signal may have ended one that was asked to."""
        if self.code == 0 or (asked and self.code in AFTER_A_SIGNAL):
            return ""
        if self.code < 0:
            return f"was ended by {signal.Signals(-self.code).name}: {self.said}"
        return f"exited with {self.code}: {self.said}"


def last_line(log: Path) -> str:
    """The last line of a file that is not blank, as far as it is in its last 8 KiB."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - END_OF_LOG))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "it has no log"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def end_of(process: subprocess.Popen[bytes], log: Path) -> Ending:
    """Wait for a worker, which the first KeyboardInterrupt asks to end, and the second kills."""
    try:
        for end_it in (process.terminate, lambda: kill(process)):
            try:
                # Not `process.wait`, which no KeyboardInterrupt of Ray's reaches.
                wait_until(lambda: process.poll() is not None, math.inf)
                break
            except KeyboardInterrupt:
                end_it()
        return Ending(process.wait(), last_line(log))
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker; if it has a session of its own, with all that it has started."""
    if process.poll() is not None:
        return
    if os.getsid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def wait_until(condition: Callable[[], bool], seconds: float, interval: float = 0.1) -> bool:
    """Wait until a condition holds, at most so many seconds; whether it does."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(interval)
    return holds


@contextmanager
def kept_handler(number: int, meanwhile: Any = None) -> Iterator[None]:
    """Undo what is done to the handler of a signal meanwhile; in the main thread, where it is.

    Until then it may have another handler; processes inherit that it is ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.getsignal(number)
    if meanwhile is not None:
        signal.signal(number, meanwhile)
    try:
        yield
    finally:
        signal.signal(number, previous)
