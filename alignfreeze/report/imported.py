"""Our results beside imported ones: the rows that both have of a model and a task."""

from collections.abc import Sequence

from alignfreeze.base.tables import Cell, Table, points
from alignfreeze.report.completeness import Missing
from alignfreeze.report.counting import arrows, count, rule_note
from alignfreeze.report.results import IMPORTED_MARK
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

COLUMNS = [
    *("model", "task", "strategy", "ours", "imported", "difference"),
    *("ours ↓ ↑", "imported ↓ ↑", "languages"),
]

NOTE = (
    "Means over target languages, %, and counts, of our runs and of imported results; languages: "
    "how many are in either; where they are not the same, there is no difference to take. Rows are "
    "paired by name: what else differs, such as the aligner or the steps, is not looked at."
)


def imported_table(
    tables: Sequence[ScoreTable], missing: Missing, config: ReportConfig
) -> Table | None:
    """Ours beside imported results; ``None`` where no model, task and row is of both."""
    by_key = {table.key: table for table in tables}
    rows: list[list[Cell]] = []
    notes, sections = [f"{NOTE} ↓ ↑: {rule_note(config)}."], set()
    for ours in tables:
        theirs = by_key.get((f"{ours.model}{IMPORTED_MARK}", ours.task))
        shared = [variant for variant in ours.variants if theirs and variant in theirs.values]
        if theirs is None or not shared:
            continue
        sections.add(len(rows))
        notes += [ours.note, theirs.note]
        for variant in shared:
            labels = (ours.model, ours.task) if variant == shared[0] else ("", "")
            rows.append([*map(Cell, (*labels, variant)), *_pair(ours, theirs, variant, missing)])
            rows[-1] += _counts(ours, theirs, variant, config)
    if not rows:
        return None
    note = " ".join(filter(None, dict.fromkeys(notes)))
    title = "Beside the imported results"
    return Table("imported", title, note, COLUMNS, rows, frozenset(sections), labels=3)


def _languages(table: ScoreTable, variant: str) -> set[str]:
    return {language for language, _ in table.scored(variant)}


def _pair(ours: ScoreTable, theirs: ScoreTable, variant: str, missing: Missing) -> list[Cell]:
    """Both means, and their difference if it is of the same languages."""
    own, other = (table.mean(variant) for table in (ours, theirs))
    difference = None
    alike = _languages(ours, variant) == _languages(theirs, variant)
    if alike and own is not None and other is not None:
        difference = own - other
    return [
        Cell(points(own) + missing.mark(ours, variant), value=own),
        Cell(points(other) + missing.mark(theirs, variant), value=other),
        Cell(points(difference, signed=True), value=difference),
    ]


def _counts(ours: ScoreTable, theirs: ScoreTable, variant: str, config: ReportConfig) -> list[Cell]:
    """What each counts, and of how many languages."""
    counted = [
        ""
        if variant == t.reference
        else arrows(count(t, variant, config.counting, config.correction))
        for t in (ours, theirs)
    ]
    languages = " / ".join(str(len(_languages(table, variant))) for table in (ours, theirs))
    return [Cell(text) for text in (*counted, languages)]
