"""Processes by names that others can read: which one it is, and whether it is gone."""

import hashlib
import socket
import uuid
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

INITIAL = "4026531836"
"""Linux's number of the PID namespace that is no container's."""


class _Place(NamedTuple):
    """Where process numbers mean the same processes; what is empty is not known.

    Attributes:
        boot: Which start of which machine.
        namespace: The PID namespace; a container has its own, other systems have none.
        machine: A digest of what stays over reboots; empty in a container, where an image decides.
    """

    boot: str
    namespace: str
    machine: str


@cache
def _place() -> _Place:
    boot = _read("/proc/sys/kernel/random/boot_id") or f"{psutil.boot_time():.0f}"
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        namespace = ""
    machine = ""
    if namespace in ("", INITIAL):
        known = _read("/etc/machine-id") or f"{uuid.getnode():x}"
        machine = hashlib.sha256(f"alignfreeze {known}".encode()).hexdigest()[:16]
    return _Place(boot, namespace, machine)


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def this_process() -> str:
    """This process by host, number, when it was born, and where its number means anything."""
    process = psutil.Process()
    own = (socket.gethostname(), process.pid, f"{process.create_time():.0f}", *_place())
    return ":".join(map(str, own))


def is_dead(process: str) -> bool:
    """Whether the process of a name is gone, as far as this process can know; else False.

    Only where its number would mean the same process here is that looked up: on a host of the same
    name, in the same PID namespace since the same boot. Containers may share a host's name, and
    machines that of a container, so that of another namespace or boot nothing is known, with one
    exception: a machine that was rebooted is the same machine. Outside of containers, its machine
    id tells, and a process of an earlier boot was born at another time than whatever has its number
    now. A container that is gone takes its processes along, but nobody outside can tell it from
    one that has only the same name, so that its processes do not count as dead.

    Names of older versions hold no more than host, number and birth, which have to do; what is no
    such name is nobody's.
    """
    host, *parts = process.split(":")
    if host != socket.gethostname() or len(parts) not in (2, 2 + len(_Place._fields)):
        return False
    pid, born, *rest = parts
    if rest and not _is_here(_Place(*rest)):
        return False
    try:
        found = psutil.Process(int(pid))
        if found.status() == psutil.STATUS_ZOMBIE:  # its parent has not looked after it
            return True
        return bool(abs(found.create_time() - float(born)) > 2)
    except psutil.NoSuchProcess:
        return True
    except (psutil.AccessDenied, ValueError, OverflowError):
        return False


def _is_here(place: _Place) -> bool:
    here = _place()
    same_boot = place[:2] == here[:2]
    return same_boot or (bool(here.machine) and place.machine == here.machine)
