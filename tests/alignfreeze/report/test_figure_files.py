"""Figures of a report drawn by several processes: the same files, and errors as of one."""

import os
import pickle
from functools import partial
from pathlib import Path

import pytest

from alignfreeze.base.plotting import blank_figure
from alignfreeze.errors import AlignFreezeError
from alignfreeze.report import figure_files as files
from alignfreeze.report.figure_files import figure_files
from alignfreeze.report.figures import Drawn
from alignfreeze.report.score_tables import ScoreTable


def plain(text: str):
    figure = blank_figure(2, 1)
    figure.subplots().set_title(text)
    return figure


def dying():
    os._exit(3)


FIGURES = {f"f-{n}": Drawn(partial(plain, f"no. {n}"), "") for n in range(3)}


def written(folder: Path, drawn=FIGURES) -> tuple[dict[str, str], dict[str, bytes]]:
    first, *others = drawn
    with figure_files(folder) as figures:
        figures.add({first: drawn[first]})
        figures.add({stem: drawn[stem] for stem in others})
        elements = figures.elements()
    return elements, {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def several(monkeypatch):
    monkeypatch.setattr(files, "FEWEST", 2)
    monkeypatch.setattr(files, "available_cores", lambda: 2)
    monkeypatch.setattr(files, "runs_no_script_again", lambda: True)


def test_processes_write_what_one_does(tmp_path, monkeypatch, request):
    (tmp_path / "one").mkdir()
    (tmp_path / "several").mkdir()
    alone = written(tmp_path / "one")
    request.getfixturevalue("several")
    # What this process would draw is not what is seen.
    monkeypatch.setattr(files, "_draw", None)
    assert written(tmp_path / "several") == alone
    assert len(alone[1]) == 9


@pytest.mark.usefixtures("several")
def test_what_cannot_be_written_is_told_as_by_one_process(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"):
        written(tmp_path / "none")


@pytest.mark.usefixtures("several")
def test_a_process_that_dies_is_one_line(tmp_path):
    with pytest.raises(AlignFreezeError, match="a process that draws figures has died"):
        written(tmp_path, {**FIGURES, "dying": Drawn(dying, "")})


@pytest.mark.parametrize(("cores", "fewest", "safe"), [(1, 2, True), (2, 9, True), (2, 2, False)])
def test_one_process_where_others_would_not_pay(tmp_path, monkeypatch, cores, fewest, safe):
    monkeypatch.setattr(files, "FEWEST", fewest)
    monkeypatch.setattr(files, "available_cores", lambda: cores)
    monkeypatch.setattr(files, "runs_no_script_again", lambda: safe)
    monkeypatch.setattr(files, "process_pool", None)  # which would be called otherwise
    assert len(written(tmp_path)[1]) == 9


def test_what_is_sent_has_nothing_that_a_table_remembers():
    values = {"baseline": {"de": {31: 0.5, 42: 0.7}}}
    table = ScoreTable("m", "pos", "accuracy", "en", ["de"], ["baseline"], values)
    assert table.mean("baseline") == 0.6
    sent = pickle.loads(pickle.dumps(table))
    assert sent == table
    assert (sent._known, len(table._known)) == ({}, 1)
