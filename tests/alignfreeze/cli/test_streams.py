"""Output that is closed, full, or without a reader; tracebacks where they are asked for."""

import subprocess
import sys
import threading

import pytest

from alignfreeze.cli.main import main
from alignfreeze.errors import PluginError
from alignfreeze.runs import pipeline

PRINTS = "import sys; from alignfreeze.cli.main import main; main(sys.argv[1:])"
COMMAND = f"'{sys.executable}' -c '{PRINTS}'"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (f"{COMMAND} plugins >/dev/full", 1, "No space left on device"),
        (f"{COMMAND} plugins >&-", 0, ""),
        (f"{COMMAND} run --temperature 0 2>&- >&-", 1, ""),
        (f"{COMMAND} plugins | (exec <&-); exit ${{PIPESTATUS[0]}}", 141, ""),
    ],
)
def test_output_that_cannot_be_written(line, code, said, tmp_path):
    ended = subprocess.run(
        ["/bin/bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == (1 if said else 0), ended.stderr
    assert "Traceback" not in ended.stderr


def broken(options):
    try:
        raise KeyError("inside")
    except KeyError as error:
        raise PluginError("task 'x' of d 1: load fails: KeyError: 'inside'") from error


@pytest.mark.parametrize("asked", [False, True])
def test_a_traceback_is_shown_where_it_is_asked_for(monkeypatch, capsys, asked):
    monkeypatch.setattr(pipeline, "run", broken)
    with pytest.raises(SystemExit, match="1"):
        main(["run", *["--verbose"] * asked])
    *before, last = capsys.readouterr().err.splitlines()
    assert last == (
        "alignfreeze: task 'x' of d 1: load fails: KeyError: 'inside' (--verbose shows where)"
    )
    assert any("Traceback" in line for line in before) == asked
    assert any("in broken" in line for line in before) == asked


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit(3), RuntimeError("a bug")])
def test_no_end_is_without_a_word(monkeypatch, capsys, error):
    def run(options):
        raise error

    monkeypatch.setattr(pipeline, "run", run)
    with pytest.raises(SystemExit) as ended:
        main(["run"])
    assert ended.value.code not in (0, None)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_ends_a_thread_is_a_line(monkeypatch, capsys, caplog):
    def fail():
        raise KeyError("in a thread")

    def run(options):
        thread = threading.Thread(target=fail, name="own")
        thread.start()
        thread.join()
        raise PluginError("the end")

    monkeypatch.setattr(pipeline, "run", run)
    before = threading.excepthook
    with pytest.raises(SystemExit, match="1"):
        main(["run"])
    assert threading.excepthook is before
    assert "thread own has ended with KeyError: 'in a thread'" in caplog.text
    assert "Traceback" not in capsys.readouterr().err
