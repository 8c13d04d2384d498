"""The table of what the differences to the reference mean: intervals, counts and power."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import pandas as pd

from alignfreeze.base.tables import MISSING, Cell, Table, csv_text, interval_text, points
from alignfreeze.evaluation.significance import Correction, MeanDifference, adjusted
from alignfreeze.report.counting import arrows, count, rule_note
from alignfreeze.report.intervals import OVER_SEEDS, difference_of
from alignfreeze.report.score_tables import ScoreTable, called, differing_in
from alignfreeze.report.settings import ReportConfig

COLUMNS = (
    *("model", "task", "strategy", "difference", "over seeds [95 %]"),
    *("and examples [95 %]", "p", "↓ ↑", "Holm", "FDR"),
    *("detectable", "by language"),
)

CORRECTIONS: tuple[Correction, ...] = ("holm", "fdr")


def significance_table(tables: Sequence[ScoreTable], config: ReportConfig) -> Table | None:
    """Models, tasks and strategies down; ``None`` where nothing is compared."""
    rows: list[list[Cell]] = []
    sections, groups = set(), {}
    for table in tables:
        begin, apart = len(rows), ""
        for variant in table.compared:
            group = table.groups.get(variant, "")
            if group != apart:
                groups[len(rows)] = differing_in(group)
            labels = (table.model, f"{table.task} {table.metric}")
            shown = labels if len(rows) == begin else ("", "")
            rows.append([*map(Cell, (*shown, variant)), *_cells(table, variant, config)])
            apart = group
        if len(rows) > begin:
            sections.add(begin)
    if not rows:
        return None
    title, note = "What the differences mean", _note(tables, config)
    return Table("significance", title, note, COLUMNS, rows, frozenset(sections), groups, labels=3)


def _note(tables: Sequence[ScoreTable], config: ReportConfig) -> str:
    alone = not any(table.resampled for table in tables)
    return (
        f"Difference of the average over target languages to {called(config.reference)}, in "
        "points, with its 95 % interval over seeds alone, and over seeds and test examples, which "
        "has more degrees of freedom and may be the narrower; p: of no difference, two-sided, over "
        "seeds and examples, "
        f"or over seeds alone ({OVER_SEEDS}) where no predictions of examples were kept"
        f"{', as in all of these runs' if alone else ''}; ↓ ↑: {rule_note(config)}; Holm and "
        "FDR: in how many languages the difference is negative and positive and significant at "
        "0.05, corrected for the number of target languages of the row by Holm and by Benjamini "
        "and Hochberg; detectable: the smallest difference that is found with probability 0.8 at "
        "level 0.05 where the error is as here, of the average, and by language (their median) "
        "without a correction: a smaller one may be there and not be seen."
    )


def _cells(table: ScoreTable, variant: str, config: ReportConfig) -> list[Cell]:
    """The cells of a row behind its labels."""
    over_seeds = difference_of(table, variant, examples=False)
    best = difference_of(table, variant)
    hierarchical = best if variant in table.resampled else None
    value = table.comparison(variant).difference
    counts = [
        count(table, variant, config.counting, config.correction),
        *(count(table, variant, "significant", correction) for correction in CORRECTIONS),
    ]
    found = [difference_of(table, variant, language) for language in table.languages]
    each = [difference.detectable for difference in found if difference]
    return [
        Cell(points(value, signed=True), value=value),
        _interval(over_seeds),
        _interval(hierarchical),
        _p_value(best, "" if hierarchical else OVER_SEEDS),
        *(Cell(arrows(own), value=own and own.up - own.down) for own in counts),
        _fraction(best.detectable if best else None),
        _fraction(median(each) if each else None),
    ]


def _interval(difference: MeanDifference | None) -> Cell:
    """Sorted by how wide it is."""
    if difference is None:
        return Cell(MISSING)
    low, high = difference.interval
    return Cell(interval_text((low, high)), value=high - low)


def _p_value(difference: MeanDifference | None, mark: str) -> Cell:
    if difference is None:
        return Cell(MISSING)
    p = difference.p_value
    return Cell(f"{'<0.001' if p < 0.001 else f'{p:.3f}'}{mark}", value=p)


def _fraction(fraction: float | None) -> Cell:
    return Cell(points(fraction), value=fraction)


def significance_csv(tables: Sequence[ScoreTable]) -> str:
    """A row a model, task, strategy and language, the average without one; fractions.

    ``p_holm`` and ``p_fdr`` are corrected for the target languages of their strategy; ``basis``
    says over what ``error``, ``low``, ``high`` and p are.
    """
    rows: list[dict[str, Any]] = []
    for table in tables:
        key = {"model": table.model, "task": table.task, "metric": table.metric}
        for variant in table.compared:
            named = {"strategy": variant, "differs_in": table.groups.get(variant, "")}
            named["reference"] = table.reference
            rows += [key | named | row for row in _numbers(table, variant)]
    return csv_text(pd.DataFrame(rows))


def _numbers(table: ScoreTable, variant: str) -> list[dict[str, Any]]:
    """Of a strategy, the average first; of what has two seeds at least."""
    lines = [None, table.source_language, *table.languages]
    found = {code: difference_of(table, variant, code) for code in lines}
    known = {code: difference for code, difference in found.items() if difference}
    targets = [code for code in known if code in table.languages]
    p_values = [known[code].p_value for code in targets]
    corrected = {c: dict(zip(targets, adjusted(p_values, c), strict=True)) for c in CORRECTIONS}
    basis = "seeds and examples" if variant in table.resampled else "seeds"
    rows = []
    for code, difference in known.items():
        over_seeds = difference_of(table, variant, code, examples=False)
        assert over_seeds is not None
        rows.append(
            {
                "language": code or "",
                "seeds": len(table.comparison(variant, code).own),
                "difference": difference.value,
                **dict(zip(("seeds_low", "seeds_high"), over_seeds.interval, strict=True)),
                "basis": basis,
                "error": difference.error,
                "freedom": difference.freedom,
                **dict(zip(("low", "high"), difference.interval, strict=True)),
                "p": difference.p_value,
                **{f"p_{c}": corrected[c].get(code) if code else None for c in CORRECTIONS},
                "detectable": difference.detectable,
            }
        )
    return rows
