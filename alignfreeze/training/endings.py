"""Several processes that are one run: what ends one ends all of them, each in order."""

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any

import torch.distributed as dist
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from alignfreeze.base.faults import reason_of
from alignfreeze.errors import ElsewhereError, Interrupted
from alignfreeze.training.distributed import Processes, name_of

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
"""Between two looks for another process's end."""

READ_SECONDS = 3.0
"""That the main process waits for the others to read why it ends; one that was killed does not."""

FAREWELL_SECONDS = 15.0
"""For a process to end in order, once another has; one that still waits for it is then ended."""

WORD = "ended"
READ = "read"

SILENT = (
    "another process of this run has ended without a word (killed, or its machine gone?); "
    "resume=true goes on from the last checkpoint"
)
"""Of the end of a process that could leave no word, told by the first of the others."""

_read_words: list[dict[str, Any]] = []
"""What was left by the process that ended first, as often as it was read."""

_ending = threading.Event()
"""This process is ending, and need not be told to."""


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


@cache
def _words() -> Any:
    """Where a process that ends leaves word for the others: the store by which they have met."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=FAREWELL_SECONDS))
    attempt = [os.environ.get(n, "") for n in ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")]
    return PrefixStore("/".join(["alignfreeze", *attempt]), store)


def _first_word(processes: Processes, error: BaseException) -> dict[str, Any]:
    """Leave word of this process's end, unless another was quicker; the first that was left."""
    own = {
        "rank": processes.process_index,
        "name": name_of(processes),
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
    if word["host"] is None:
        return ElsewhereError(SILENT)
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
    word = _word_of_other(done)
    if word is None:
        return
    _read_words.append(word)
    if word["rank"] == processes.process_index or done.is_set() or _ending.is_set():
        return
    os.kill(os.getpid(), signal.SIGTERM)
    if done.wait(FAREWELL_SECONDS) or _ending.is_set():
        return
    logger.error("%s: %s; this process waited for it, and was ended", word["name"], word["reason"])
    os._exit(1)


def _word_of_other(done: threading.Event) -> dict[str, Any] | None:
    """The first word that is left; none if this process is done before there is one."""
    for connect in (_words, _words.__wrapped__):  # a connection may break alone
        with suppress(RuntimeError):
            words = connect()
            while not words.check([WORD]):
                if done.wait(WATCH_SECONDS):
                    return None
            word: dict[str, Any] = json.loads(words.get(WORD))
            words.add(READ, 1)
            return word
        if done.wait(FAREWELL_SECONDS):  # the process that holds the store has ended, as all do
            return None
    return {"rank": None, "name": "a process", "host": None, "reason": SILENT, "signal": None}
