"""Rows that were realigned otherwise than most stand in groups of their own, in all forms."""

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from alignfreeze.base.plotting import DPI
from alignfreeze.report import writing
from alignfreeze.report.collecting import collect
from alignfreeze.report.drawing import pages
from alignfreeze.report.figure_differences import difference_figure
from alignfreeze.report.figures import KINDS
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

GROUPS = ("aligner", "realign_when", "realign_when and aligner")


@pytest.fixture
def runs(stored: Any) -> list[Any]:
    """Imported runs of two aligners, before and during fine-tuning, most of them dico's."""
    made = [stored(imported="true")]
    for strategy, method in (("none", "before"), ("front", "freeze_realign_unfreeze")):
        made.append(_imported(stored, strategy, f"{method}_dico"))
    made += [
        _imported(stored, "none", "before_awesome"),
        _imported(stored, "during", "during_dico"),
        _imported(stored, "during", "during_awesome"),
    ]
    return made


def _imported(stored: Any, strategy: str, method: str) -> Any:
    run = stored(strategy, imported="true", aligner=method.rpartition("_")[2])
    return run._replace(run_id=method, tags={**run.tags, "method": method})


def test_groups_are_of_the_settings_that_rows_differ_in(runs: list[Any]) -> None:
    (table,) = collect(runs, ReportConfig(source="imported")).tables
    assert table.grouped == {
        "": ["baseline", "none", "front"],
        "aligner": ["none, aligner=awesome"],
        "realign_when": ["none, realign_when=during"],
        "realign_when, aligner": ["none, realign_when=during, aligner=awesome"],
    }


def test_what_all_rows_have_sets_none_apart(runs: list[Any]) -> None:
    during = [run for run in runs if run.tags["strategy"] in ("baseline", "during")]
    (table,) = collect(during, ReportConfig(source="imported")).tables
    assert [*table.grouped] == ["", "aligner"]


def test_every_form_has_the_groups_and_all_rows(
    runs: list[Any], tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(writing, "has_store", lambda: True)
    monkeypatch.setattr(writing, "stored_runs", lambda *_: runs)
    monkeypatch.setattr(writing, "report_figures", lambda _: {})
    writing.make_report(ReportConfig(output=str(tmp_path), source="imported"))
    page, text, paper = ((tmp_path / f"report.{k}").read_text() for k in ("html", "md", "tex"))
    for group in GROUPS:
        escaped = group.replace("_", r"\_")
        assert f"<span>rows that differ in {group}: 1" in page
        assert f"*rows that differ in {escaped}*" in text
        assert rf"\emph{{rows that differ in {escaped}}}" in paper
        assert f"m, pos: rows that differ in {group}</h3></summary>" in page
    frame = pd.read_csv(tmp_path / "summary.csv", keep_default_na=False)
    assert len(frame) == 6
    assert [*frame["differs_in"]][3:] == [*GROUPS[:2], "realign_when, aligner"]
    # Of the summary, and of what the differences mean. Nothing is asked for from elsewhere.
    assert page.count('<tbody class="group">') == 6
    assert "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!#)|url\((?!#)|@import', page)


def test_a_figure_of_many_strategies_is_bounded_and_at_one_scale() -> None:
    names = ["baseline", *(f"front(boundary={n})" for n in range(20))]
    codes = [f"x{n}" for n in range(15)]
    values = {
        name: {code: {0: 0.5 + n / 100, 1: 0.5} for code in codes} for n, name in enumerate(names)
    }
    table = ScoreTable("m", "pos", "accuracy", "en", codes, names, values)
    most = KINDS["differences"].most
    shown = pages(table, table.compared, most)
    assert [name for _, own in shown for name in own] == table.compared
    assert max(len(own) for _, own in shown) <= most
    figures = [difference_figure(table, own) for _, own in (shown[0], shown[-1])]
    assert all(f is not None and f.get_figheight() * DPI < 1200 for f in figures)
    assert len({f.axes[0].get_ylim() for f in figures if f is not None}) == 1
    grouped = replace(table, groups={names[1]: "temperature"})
    assert [group for group, _ in pages(grouped, table.compared, 30)] == ["", "temperature"]
