"""Correlates of gains as a section of the report, and as comma-separated values."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from alignfreeze.base.documents import Section
from alignfreeze.base.tables import MISSING, Cell, Table, csv_text
from alignfreeze.data.uriel import INSTALL, has_uriel
from alignfreeze.report.correlates import Correlate, Explanation, signed
from alignfreeze.report.figure_correlates import MOST_SCATTERED, correlated
from alignfreeze.report.rank_correlation import LEAST_LANGUAGES, RankCorrelation

WHY = "Why a language loses"

CAUTION = (
    "What goes along with the gain over the baseline, language by language. Correlation over so "
    "few languages is no cause: languages that are far from the source differ from near ones in "
    "much at once. Intervals are over languages, and not corrected for how many comparisons there "
    "are: of twenty without any effect, one will seem to have one."
)

NOTE = (
    "Spearman's rank correlation with the difference to the baseline, with a 95 % interval (BCa "
    "bootstrap over languages). Below 0: the more of it, the less is gained. What was measured by "
    "layer is that of the last."
)


def why_sections(explained: Sequence[Explanation], figures: Sequence[dict[str, Any]]) -> Section:
    """The section about all tables, of which each has its part.

    Args:
        explained: The correlates of each table, at least one.
        figures: Of each, what a section has of figures.
    """
    text = [CAUTION]
    if not has_uriel():
        text.append(f"Distances between languages are not shown; {INSTALL} gets them.")
    n_strategies = sum(len(correlated(one)) for one in explained)
    if n_strategies > MOST_SCATTERED:
        most = f"The first {MOST_SCATTERED} of {n_strategies} strategies are drawn"
        text.append(f"{most}; the values of all are in correlates.csv.")
    parts = [
        _part(number, one, own)
        for number, (one, own) in enumerate(zip(explained, figures, strict=True), 1)
    ]
    return Section("why-a-language-loses", WHY, text, parts=parts)


def _part(number: int, explained: Explanation, figures: dict[str, Any]) -> Section:
    """What there is of one table."""
    shown = [c for c in explained.summary if c.correlation.value is not None]
    heading, stem = f"{WHY}: {explained.table.title}", f"why-{number}"
    lists = _faults(explained.summary)
    if not shown:
        nothing = f"Nothing can be said: it takes {LEAST_LANGUAGES} languages with something known."
        return Section(stem, heading, [nothing], lists=lists)
    return Section(stem, heading, table=_table(stem, heading, shown), lists=lists, **figures)


def _table(stem: str, title: str, shown: Sequence[Correlate]) -> Table:
    """A row a strategy and covariate."""
    rows: list[list[Cell]] = []
    sections, before = set(), ""
    for correlate in shown:
        if correlate.variant != before:
            sections.add(len(rows))
        found = correlate.correlation
        rows.append(
            [
                Cell("" if correlate.variant == before else correlate.variant),
                Cell(correlate.name),
                Cell(signed(found.value), value=found.value),
                Cell(_interval(found), value=found.interval and found.interval[0]),
                Cell(str(found.n_languages), value=found.n_languages),
            ]
        )
        before = correlate.variant
    columns = ("strategy", "covariate", "rank correlation", "95 % interval", "languages")
    return Table(stem, title, NOTE, columns, rows, sections=frozenset(sections), labels=2)


def _interval(found: RankCorrelation) -> str:
    """The interval of a correlation."""
    if found.interval is None:
        return MISSING
    low, high = found.interval
    return f"[{signed(low)}, {signed(high)}]"


def _faults(summary: Sequence[Correlate]) -> dict[str, list[str]]:
    """What has no correlation or no interval, and why; strategies of one reason together."""
    found: dict[str, list[str]] = {}
    for correlate in summary:
        if fault := correlate.correlation.fault:
            found.setdefault(f"{correlate.name}: {fault}", []).append(correlate.variant)
    lines = [f"{what} ({', '.join(variants)})" for what, variants in found.items()]
    return {"What cannot be said": lines} if lines else {}


def correlates_csv(explained: Sequence[Explanation]) -> str:
    """A row a model, task, strategy, covariate, layer and language; gains are fractions."""
    columns = ["model", "task", "metric", "strategy", "covariate", "layer", "language"]
    rows = [
        (*_key(one, correlate), code, value, gain / 100)
        for one in explained
        for correlate in one.correlates
        for code, (value, gain) in correlate.values.items()
    ]
    return _csv([*columns, "value", "gain"], rows)


def correlations_csv(explained: Sequence[Explanation]) -> str:
    """A row a model, task, strategy, covariate and layer: its rank correlation with the gain."""
    rows: list[tuple[Any, ...]] = []
    for one in explained:
        for correlate in one.correlates:
            found = correlate.correlation
            ends = found.interval or (None, None)
            own = (found.value, *ends, found.n_languages, found.fault)
            rows.append((*_key(one, correlate), *own))
    columns = ["model", "task", "metric", "strategy", "covariate", "layer", "correlation"]
    return _csv([*columns, "low", "high", "languages", "remark"], rows)


def _key(explained: Explanation, correlate: Correlate) -> tuple[Any, ...]:
    """What a row is of."""
    table = explained.table
    about = (table.model, table.task, table.metric, correlate.variant)
    return (*about, correlate.covariate, correlate.layer)


def _csv(columns: list[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return csv_text(pd.DataFrame(rows, columns=columns).astype({"layer": "Int64"}))
