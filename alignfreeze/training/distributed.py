"""Several processes that are one run: who goes first, and what they share.

Nothing is taken for shared but the process group: each machine may have a cache and a temporary
folder of its own. What only the main process has is sent; what each can find by itself, such as
data and aligned text, is checked to be the same.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from accelerate.utils import broadcast_object_list, gather_object

from alignfreeze.base.digests import folder_digest
from alignfreeze.errors import ConfigError

T = TypeVar("T")

CHUNK = 64 * 2**20
"""Bytes of a file that are sent at a time."""


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
    first, *others = gather_object([(name_of(processes), dict(values))])
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


def name_of(processes: Processes) -> str:
    """How a process is called in messages."""
    number = f"process {processes.process_index + 1} of {processes.num_processes}"
    return f"{number} (on {socket.gethostname()})"
