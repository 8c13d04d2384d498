"""Processes that are stopped where they are, and nobody waits for."""

import sqlite3
import time
from contextlib import closing

import psutil

from alignfreeze.workers.command import wait_until

PATIENCE = 1800.0
"""Seconds after which something hangs; a busy machine may take minutes."""

STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)


def pause(pid: int, *urls: str) -> None:
    """Stop a process, but not while others would wait for it, to use one of the databases."""
    process = psutil.Process(pid)
    while True:
        process.suspend()
        assert wait_until(lambda: process.status() in STOPPED, PATIENCE, 0.01)
        if not any(map(_is_locked, urls)):
            return
        process.resume()
        time.sleep(0.1)


def _is_locked(url: str) -> bool:
    """Whether somebody writes, or reads: nobody's writes could end then."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
        return False
