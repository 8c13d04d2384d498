"""Several processes that are one run: who goes first, what they share, how all of them end.

Nothing is taken for shared but the process group: each machine may have a cache and a temporary
folder of its own. What only the main process has is sent; what each can find by itself, such as
data and aligned text, is checked to be the same.
"""

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import torch.distributed as dist
from accelerate.utils import broadcast_object_list, gather_object
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from alignfreeze.base.digests import folder_digest
from alignfreeze.base.faults import reason_of
from alignfreeze.errors import ConfigError, ElsewhereError, Interrupted

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK = 64 * 2**20
"""Bytes of a file that are sent at a time."""

WATCH_SECONDS = 1.0
"""Between two looks for another process's end."""

READ_SECONDS = 3.0
"""That the main process waits for the others to read why it ends; one that was killed does not."""

FAREWELL_SECONDS = 15.0
"""For a process to end in order, once another has; one that still waits for it is then ended."""


class Processes(Protocol):
    """What Accelerate's `PartialState` and `Accelerator` both say."""

    @property
    def num_processes(self) -> int: ...  # noqa: D102
    @property
    def process_index(self) -> int: ...  # noqa: D102
    @property
    def local_process_index(self) -> int: ...  # noqa: D102
    @property
    def is_main_process(self) -> bool: ...  # noqa: D102
    @property
    def is_local_main_process(self) -> bool: ...  # noqa: D102
    def wait_for_everyone(self) -> None: ...  # noqa: D102


@contextmanager
def in_turn(processes: Processes) -> Iterator[None]:
    """The main process goes first, then the first of each other machine, then all others.

    So what one leaves in a cache is there for the next, whether machines share the cache or not.
    """
    turn = 0 if processes.is_main_process else 1 if processes.is_local_main_process else 2
    for _ in range(turn):
        processes.wait_for_everyone()
    yield
    for _ in range(turn, 2):
        processes.wait_for_everyone()


def from_main(processes: Processes, compute: Callable[[], T]) -> T:
    """What the main process finds, in every process."""
    found: list[Any] = [compute() if processes.is_main_process else None]
    broadcast_object_list(found)
    return cast(T, found[0])


def check_same(processes: Processes, values: Mapping[str, str]) -> None:
    """Check that all processes have found the same.

    Raises:
        ConfigError: If one has not, in all of them; names it, and in what it differs.
    """
    first, *others = gather_object([(_name(processes), dict(values))])
    for name, found in others:
        if other := [what for what, value in first[1].items() if found.get(what) != value]:
            raise ConfigError(
                f"{name} has not the same as {first[0]}: {', '.join(other)}; all machines must "
                "have the same installed, and read the same model and data"
            )


def folder_of_machine(processes: Processes, own: Path) -> Path:
    """Of folders that each process has made, that of the first one of the same machine."""
    machine = [socket.gethostname(), os.environ.get("GROUP_RANK", "")]
    found = gather_object([(machine, processes.local_process_index, str(own))])
    return Path(min((at, path) for where, at, path in found if where == machine)[1])


def on_every_machine(processes: Processes, folder: Path, copies: Path) -> Path:
    """A folder that the main process has, on this machine: it, or a copy in another one.

    Args:
        processes: All of them call it.
        folder: The folder; on other machines something else, or nothing, may have its name.
        copies: Where a copy goes, if need be: a folder that the processes of a machine share.
    """
    if processes.num_processes == 1:
        return folder
    wanted = from_main(processes, lambda: (str(folder), _content(folder)))
    folder = Path(wanted[0])
    there = folder.is_dir() and _content(folder) == wanted[1]
    if all(gather_object([there])):
        return folder
    copy = copies / folder.name
    _send(processes, folder, None if there or not processes.is_local_main_process else copy)
    return folder if there else copy


def _content(folder: Path) -> str:
    return folder_digest(folder, "**/*")


def _send(processes: Processes, folder: Path, copy: Path | None) -> None:
    """Send the files of the main process's folder to all, to be written where a copy is wanted."""

    def files() -> list[str]:
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

    for name in from_main(processes, files):
        begin = 0
        if copy is not None:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(b"")
        while chunk := from_main(processes, lambda: _read(folder / name, begin)):  # noqa: B023
            begin += len(chunk)
            if copy is not None:
                with (copy / name).open("ab") as file:
                    file.write(chunk)
    processes.wait_for_everyone()


def _read(file: Path, begin: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(begin)
        return opened.read(CHUNK)


@contextmanager
def as_one(processes: Processes) -> Iterator[None]:
    """Let what ends one process end all of them, each in order, and none wait for it.

    Raises:
        ElsewhereError: If another process has failed.
        Interrupted: If another process was asked to end.
    """
    if processes.num_processes == 1:
        yield
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(processes, done), name="others", daemon=True)
    watch.start()
    try:
        with first_reason(processes):
            yield
    finally:
        done.set()
        watch.join()


@contextmanager
def first_reason(processes: Processes) -> Iterator[None]:
    """Raise what ended the first process that did not end well, in place of what came of it.

    Raises:
        ElsewhereError: If another process has failed.
        Interrupted: If another process was asked to end.
    """
    try:
        yield
    except BaseException as error:
        if processes.num_processes == 1:
            raise
        _ending.set()
        if threading.current_thread() is threading.main_thread():
            # By it torchrun ends the others once one has ended, which must not cut short how
            # this one ends.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if isinstance(error, ElsewhereError):
            raise
        lost = ElsewhereError(SILENT) if _is_lost_connection(error) else None
        first = _first_word(processes, lost or error)
        if first["rank"] != processes.process_index:
            raise _of_other(processes, first) from None
        if processes.is_main_process:
            _let_read(processes)
        if lost is not None:
            raise lost from None
        raise


_read_words: list[dict[str, Any]] = []
"""What was left by the process that ended first, as often as it was read."""

_ending = threading.Event()
"""This process is ending, and need not be told to."""


@cache
def _words() -> Any:
    """Where a process that ends leaves word for the others: the store by which they have met."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=FAREWELL_SECONDS))
    attempt = [os.environ.get(n, "") for n in ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")]
    return PrefixStore("/".join(["alignfreeze", *attempt]), store)


WORD = "ended"
READ = "read"

SILENT = (
    "another process of this run has ended without a word (killed, or its machine gone?); "
    "resume=true goes on from the last checkpoint"
)
"""Of the end of a process that could leave no word, told by the first of the others."""


def _first_word(processes: Processes, error: BaseException) -> dict[str, Any]:
    """Leave word of this process's end, unless another was quicker; the first that was left."""
    own = {
        "rank": processes.process_index,
        "name": _name(processes),
        "host": socket.gethostname(),
        "reason": reason_of(error),
        "signal": error.number if isinstance(error, Interrupted) else None,
    }
    if isinstance(error, KeyboardInterrupt):
        own |= {"signal": int(signal.SIGINT)}
    try:
        _read_words.append(json.loads(_words().compare_set(WORD, "", json.dumps(own))))
    except RuntimeError:  # the process that holds the store has ended
        _read_words.append(own)
    return _read_words[0]


def _let_read(processes: Processes) -> None:
    """Wait until the others have read the word: this process may be what holds the store."""
    end = time.monotonic() + READ_SECONDS
    with suppress(RuntimeError):  # it is another's, and that has ended
        while _words().add(READ, 0) < processes.num_processes - 1 and time.monotonic() < end:
            time.sleep(0.1)


def _of_other(processes: Processes, word: Mapping[str, Any]) -> ElsewhereError | Interrupted:
    """What another process's end is raised as here."""
    if word["signal"] is not None:
        return Interrupted(word["reason"], number=word["signal"])
    said = word["host"] == socket.gethostname() or not processes.is_main_process
    return ElsewhereError(f"{word['name']}: {word['reason']}", said=said)


def _is_lost_connection(error: BaseException) -> bool:
    """Whether it says that another process does not answer: gloo has no class for that."""
    return isinstance(error, RuntimeError) and (
        isinstance(error, dist.DistError) or "gloo" in str(error)
    )


def _watch(processes: Processes, done: threading.Event) -> None:
    """End this process soon after another one, where it does not notice by itself.

    It may be computing, or wait within a library for the one that has ended.
    """
    words = _words()
    try:
        while not words.check([WORD]):
            if done.wait(WATCH_SECONDS):
                return
        word = json.loads(words.get(WORD))
        _read_words.append(word)
        words.add(READ, 1)
    except RuntimeError:  # the process that holds the store has ended
        return
    if word["rank"] == processes.process_index or done.is_set() or _ending.is_set():
        return
    os.kill(os.getpid(), signal.SIGTERM)
    if done.wait(FAREWELL_SECONDS) or _ending.is_set():
        return
    logger.error("%s: %s; this process waited for it, and was ended", word["name"], word["reason"])
    os._exit(1)


def _name(processes: Processes) -> str:
    """How a process is called in messages."""
    number = f"process {processes.process_index + 1} of {processes.num_processes}"
    return f"{number} (on {socket.gethostname()})"
