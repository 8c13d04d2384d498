"""Processes that share work: which scripts they would run again, and what Ctrl-C leaves of them."""

import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from alignfreeze.base.process_pools import process_pool, runs_no_script_again


@pytest.mark.parametrize(
    ("spec", "file", "safe"),
    [
        ("alignfreeze.__main__", "x/alignfreeze/__main__.py", True),
        ("somebody.script", "x/somebody/script.py", False),
        (None, "/usr/bin/alignfreeze", True),
        (None, "script.py", False),
        (None, None, True),  # a notebook, or python -c
    ],
)
def test_a_script_of_a_caller_is_not_run_again(monkeypatch, spec, file, safe):
    main = SimpleNamespace(__spec__=spec and SimpleNamespace(name=spec))
    if file is not None:
        main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert runs_no_script_again() is safe


def test_an_error_leaves_no_process():
    def interrupted():
        with process_pool(1, "dead") as pool:
            assert pool.submit(abs, -3).result() == 3
            pool.submit(time.sleep, 600)
            raise KeyboardInterrupt("now")

    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt, match="now"):
        interrupted()
    new = [c for c in psutil.Process().children() if c not in before]
    assert [c for c in new if "resource_tracker" not in " ".join(c.cmdline())] == []


SCRIPT = """
import os, sys
from alignfreeze.base.process_pools import process_pool
with process_pool(1, "dead") as pool:
    print(pool.submit(os.getpid).result(), flush=True)
    os._exit(1)
"""


def test_processes_end_with_that_which_started_them():
    done = subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, check=False)
    worker = int(done.stdout)
    psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=30)
    assert not psutil.pid_exists(worker)
