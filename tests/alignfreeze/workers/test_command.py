"""What becomes of a worker, from its exit code and its log."""

import pytest

from alignfreeze.workers.command import Ending, last_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", "it said nothing"),
        (b"one\n two \n\n", "two"),
        (b"10%\r20%\r", "20%"),
        (b"bad \xff\n", "bad \ufffd"),
        (b"x" * 20_000 + b"\nend", "end"),
    ],
)
def test_the_last_line_of_a_log(text, line, tmp_path):
    log = tmp_path / "log"
    assert last_line(log) == "it has no log"
    log.write_bytes(text)
    assert last_line(log) == line


@pytest.mark.parametrize(
    ("code", "asked", "problem"),
    [
        (0, False, False),
        (1, False, True),
        (1, True, True),
        (143, False, True),
        (143, True, False),
        (130, True, False),
        (-15, True, False),
        (-9, True, True),
    ],
)
def test_what_is_a_problem(code, asked, problem):
    end = Ending(code, "so")
    assert bool(end.problem(asked=asked)) == problem


def test_a_signal_is_named():
    assert Ending(-9, "so").problem(asked=False) == "was ended by SIGKILL: so"
