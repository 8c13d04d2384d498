"""The short form of ``make faults``, and that the harness notices what went wrong."""

from pkgutil import resolve_name

import pytest

from tools.faults.__main__ import do
from tools.faults.case import KILLED, Case
from tools.faults.cases import CASES
from tools.faults.judging import Verdict, judge_end
from tools.faults.running import Ended


def test_a_few_faults_are_survived():
    verdicts = do([case for case in CASES if case.short])
    assert not [(str(verdict.case), verdict.wrong) for verdict in verdicts if verdict.wrong]


POINTS = sorted({case.point for case in CASES if case.point})


@pytest.mark.parametrize("point", POINTS)
def test_a_point_is_a_function_that_is_there(point):
    """A fault strikes nothing where a function has moved, and the case would seem survived."""
    assert callable(resolve_name(point))


LINE = "alignfreeze: the disk is full\n"
TRACEBACK = "Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("code", "ended", "wrong"),
    [
        (1, Ended(1, f"said\n{LINE}"), []),
        (KILLED, Ended(KILLED, "said"), []),
        (1, Ended(0, LINE), ["exit 0, not 1"]),
        (1, Ended(None, LINE), ["hung for 240 s"]),
        (1, Ended(1, TRACEBACK + LINE), ["traceback"]),
        (1, Ended(1, LINE + LINE), ["2 lines, not 1"]),
        (1, Ended(1, "alignfreeze: no\n"), ["does not say 'full'"]),
        (1, Ended(1, "alignfreeze: a fault of AlignFreeze itself: full\n"), ["unforeseen"]),
    ],
)
def test_what_is_wrong_is_noticed(code, ended, wrong):
    verdict = Verdict(Case("disk", "full", "somewhere", code=code, says="full"))
    judge_end(verdict.case, ended, verdict)
    assert verdict.wrong == wrong


def test_each_fault_has_a_name_of_its_own():
    names = [str(case) for case in CASES]
    assert len(set(names)) == len(names)
