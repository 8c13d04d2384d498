"""Processes as runs name them: which one writes a run, and whether it is still there."""

import socket

import psutil


def this_process() -> str:
    """This process as runs name it: host, number, and when it was born."""
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"


def is_dead(process: str) -> bool:
    """Whether a process of this machine is gone; False for another machine's."""
    host, pid, born = process.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(born)) > 2)
    except psutil.NoSuchProcess:
        return True
