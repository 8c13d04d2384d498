"""Strikes a program that has this folder on its PYTHONPATH with a fault, at a call of a function.

``FAULT`` is JSON: ``point`` (``module:function`` or ``module:Class.method``), ``call`` (which call
of it, from 1), ``kind``, ``marker`` (a file that is made when it strikes: so it does so once, in
whichever process is the first), and maybe ``rank`` and ``argument``, which the process must have.
"""

import importlib.util
import json
import os
import signal
import sys
import time
from functools import wraps
from typing import Any

FAULT = json.loads(os.environ.get("FAULT", "null"))


def _raised(kind: str) -> BaseException:
    if kind == "disk":
        return OSError(28, "No space left on device", "/a/file")
    if kind == "safetensors":
        from safetensors import SafetensorError

        return SafetensorError("I/O error: No space left on device (os error 28)")
    if kind == "database":
        import sqlite3

        return sqlite3.OperationalError("database or disk is full")
    if kind == "gpu memory":
        import torch

        return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    if kind == "memory":
        return RuntimeError(
            "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 9000000000 bytes. Error code 12 (Cannot allocate memory)"
        )
    if kind == "exit":
        return SystemExit(0)
    return ValueError("struck\nby a fault")


def _strike(kind: str) -> tuple[Any] | None:
    """What the call returns in place of what it would, as a tuple; ``None``: nothing is changed."""
    if kind in ("SIGKILL", "SIGTERM", "SIGINT"):
        os.kill(os.getpid(), getattr(signal, kind))
        time.sleep(0.05)  # for the handler to run
        return None
    if kind == "mark":
        return None
    if kind in ("hang", "kill all"):  # until it is killed
        time.sleep(3600)
    if kind == "nothing":
        return (None,)
    if kind == "nan":
        return ({"accuracy": float("nan"), "f1": float("nan")},)
    if kind == "no metric":
        return ({"other": 1.0},)
    raise _raised(kind)


def _meant() -> bool:
    rank = FAULT.get("rank")
    if rank is not None and os.environ.get("RANK", "0") != str(rank):
        return False
    argument = FAULT.get("argument")
    # Python sets it after this file has been read.
    return argument is None or argument in getattr(sys, "argv", sys.orig_argv)


def _claimed() -> bool:
    try:
        os.close(os.open(FAULT["marker"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _patch(module: Any) -> None:
    *owners, name = FAULT["point"].partition(":")[2].split(".")
    owner: Any = module
    for part in owners:
        owner = getattr(owner, part)
    function, calls = getattr(owner, name), [0]

    @wraps(function, updated=())
    def struck(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        due = calls[0] >= FAULT["call"] if FAULT.get("always") else calls[0] == FAULT["call"]
        if due and _meant() and (_claimed() or FAULT.get("always")):
            changed = _strike(FAULT["kind"])
            if changed is not None:
                return changed[0]
        return function(*args, **kwargs)

    if not hasattr(owner, "model_fields"):
        setattr(owner, name, struck)
        return
    # What a plugin's class defines is guarded when it is made: so the fault has to be inside.
    own = {name: struck, "__module__": owner.__module__, "__doc__": owner.__doc__}
    setattr(module, owner.__name__, type(owner)(owner.__name__, (owner,), own))


class _Finder:
    """Patches a module whenever it is imported; others may only look whether it is there."""

    asked = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """What is to be imported, patched."""
        if name != MODULE or self.asked:
            return None
        self.asked = True
        try:
            spec: Any = importlib.util.find_spec(name)
        finally:
            self.asked = False
        execute = spec.loader.exec_module

        def executed(module: Any) -> None:
            execute(module)
            _patch(module)

        spec.loader.exec_module = executed
        return spec


if FAULT:
    MODULE = FAULT["point"].partition(":")[0]
    if MODULE in sys.modules:
        _patch(sys.modules[MODULE])
    else:
        sys.meta_path.insert(0, _Finder())
