import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from alignfreeze.base import processes
from alignfreeze.base.processes import INITIAL, is_dead, this_process

HOST = socket.gethostname()
BORN = f"{psutil.Process().create_time():.0f}"
LIVES = f"{HOST}:{os.getpid()}:{BORN}"
ANOTHER = f"{HOST}:{os.getpid()}:1000"
"""Its number is this process's, which was born later."""

HERE = processes._Place("boot-1", "4026532000", "")
OUTSIDE = processes._Place("boot-1", INITIAL, "machine-1")
"""Of a container, and of the machine itself."""


@pytest.mark.parametrize("own", [HERE, OUTSIDE])
@pytest.mark.parametrize(
    ("boot", "namespace", "machine", "known"),
    [
        ("boot-1", None, None, True),
        ("boot-1", "4026539999", "", False),  # a container beside, or one that is gone
        ("boot-2", "4026532000", "", False),  # another machine's container, or before a reboot
        ("boot-2", INITIAL, "machine-2", False),  # another machine of the same name
        ("boot-2", INITIAL, "machine-1", None),  # the machine itself before it was rebooted
    ],
)
def test_a_number_counts_where_it_means_the_same_process(
    monkeypatch, own, boot, namespace, machine, known
):
    monkeypatch.setattr(processes, "_place", lambda: own)
    if known is None:
        known = own == OUTSIDE
    place = [boot, namespace or own.namespace, own.machine if machine is None else machine]
    assert is_dead(":".join([ANOTHER, *place])) is known
    assert not is_dead(":".join([LIVES, *place]))


@pytest.mark.parametrize(
    ("name", "dead"),
    [
        (LIVES, False),
        (ANOTHER, True),
        (ANOTHER.replace(HOST, f"not-{HOST}"), False),
        (f"{HOST}:0x1:{BORN}", False),
        (f"{HOST}:", False),
        (f"{ANOTHER}:boot", False),
        (f"{ANOTHER}:::::", False),
        ("", False),
    ],
    ids=["lives", "dead", "elsewhere", "number", "short", "boot", "empty parts", "empty"],
)
def test_names_of_older_versions_and_what_is_none(name, dead):
    assert is_dead(name) is dead


def test_a_process_lives_until_it_has_ended():
    code = "from alignfreeze.base.processes import *; print(this_process(), flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    name = child.stdout.readline().strip()
    # Without a machine id and a network card, what stands for the machine is drawn anew.
    assert name.split(":")[3:5] == this_process().split(":")[3:5]
    assert not is_dead(name)
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert is_dead(name)
    child.communicate()
    assert is_dead(name)
