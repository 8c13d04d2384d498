"""A program that aligns, and is ended from outside."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from alignfreeze.alignment.aligning import read_stats
from alignfreeze.contracts import Bitext

PATIENCE = 600.0
"""Seconds after which something hangs."""

N_LINES = 10


@pytest.fixture
def bitext(write) -> Bitext:
    texts = (f"x{line} y\n" for line in range(1, N_LINES + 1))
    english = write("data/en-fr.en", "".join(texts))
    return Bitext("en", "fr", english, write("data/en-fr.fr", english.read_text().upper()))


WAITING = """
import os
import threading
from pathlib import Path

from alignfreeze.contracts import Aligner

class Waiting(Aligner):
    '''Writes down each line that it aligns; waits forever at the eighth while it is told to.'''

    def align(self, pairs, bitext):
        for pair in pairs:
            if pair.line >= 8 and "WAIT" in os.environ:
                threading.Event().wait()
            with Path(os.environ["LINES"]).open("a") as file:
                file.write(f"{pair.line}\\n")
            yield [(0, 0)]
"""

SCRIPT = """
import sys
from pathlib import Path

from waiting import Waiting

from alignfreeze.alignment import shards
from alignfreeze.contracts import Bitext
from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.base.signals import signals_as_exceptions

shards.SHARD_LINES = 3
shards.available_cores = lambda: 2

def main():
    bitext = Bitext("en", "fr", Path(sys.argv[1]), Path(sys.argv[2]))
    with signals_as_exceptions("run it again"):
        aligned_corpus(CorpusJob(bitext, Waiting(), "w", "1"), Path(sys.argv[3]))

"""

GUARD = 'if __name__ == "__main__":\n    main()\n'


@pytest.fixture
def script(bitext, write, tmp_path, monkeypatch):
    """Starts a program that aligns the text; with ``WAIT`` it does not end by itself."""
    write("program/waiting.py", WAITING)
    monkeypatch.setenv("LINES", str(tmp_path / "lines"))
    files = [str(path) for path in (bitext.source_file, bitext.target_file, tmp_path / "cache")]

    def start(ending: str) -> subprocess.Popen[str]:
        program = write("program/main.py", SCRIPT + ending)
        return subprocess.Popen(
            [sys.executable, str(program), *files], stderr=subprocess.PIPE, text=True
        )

    return start


def wait_until(condition, process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def lines_aligned(tmp_path: Path) -> list[int]:
    path = tmp_path / "lines"
    return sorted(map(int, path.read_text().split())) if path.exists() else []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent_and_what_is_done_stays(
    script, tmp_path, monkeypatch, number
):
    monkeypatch.setenv("WAIT", "1")
    with script(GUARD) as process:
        wait_until(lambda: len(list(tmp_path.glob("cache/corpora/.*/0000[01]"))) == 2, process)
        wait_until(lambda: 7 in lines_aligned(tmp_path), process)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        process.send_signal(number)
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
        assert not alive
        assert process.wait(PATIENCE) != 0
    assert len(list(tmp_path.glob("cache/corpora/.*/0000[01]"))) == 2
    if number != signal.SIGKILL:  # the same is there to go on with
        return
    (tmp_path / "lines").unlink()
    monkeypatch.delenv("WAIT")
    with script(GUARD) as process:
        assert process.wait(PATIENCE) == 0, process.stderr.read()
    assert lines_aligned(tmp_path) == [7, 8, 9, 10]
    (folder,) = (tmp_path / "cache" / "corpora").iterdir()
    assert read_stats(folder).read == N_LINES


def test_a_script_without_a_guard_is_told_so(script):
    with script("main()\n") as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "AlignFreezeError: en-fr: a process that aligns has died" in errors
