"""The published figures of AlignFreeze (NAACL 2025), and ours beside them."""

import csv
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from alignfreeze.base.tables import Cell, Table, points
from alignfreeze.config import BASELINE
from alignfreeze.report.completeness import Missing
from alignfreeze.report.counting import Counts, arrows, count, rule_note
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig
from alignfreeze.tracking.reference import METRIC_NOTES

PUBLISHED_METRICS = {"pos": "accuracy", "ner": "accuracy", "nli": "accuracy", "qa": "f1"}
"""The metric of the published table, by task."""

BESIDE = {"qa": ("f1", "f1_squad")}
"""Our metrics that a printed figure may stand beside, by task, if not the one of its name alone."""

COLUMNS = [
    *("model", "task", "strategy", "ours", "published", "difference"),
    *("ours ↓ ↑", "published ↓ ↑", "languages"),
]

NOTE = (
    "Means over target languages, %, and counts, beside those of AlignFreeze (NAACL 2025); "
    "languages: how many are in ours and in print; where they are not as many, there is no "
    "difference to take."
)


class Published(NamedTuple):
    """A published cell: mean over target languages in percent; no counts for the baseline."""

    metric: str
    languages: int
    mean: float
    counts: Counts | None


@cache
def published_figures() -> dict[tuple[str, str, str], Published]:
    """The published figures by model, task and strategy."""
    text = resources.files("alignfreeze.report").joinpath("published.csv").read_text("utf-8")
    found = {}
    rows = csv.reader(text.splitlines()[1:])
    for model, strategy, task, metric, languages, mean, down, up in rows:
        counts = Counts(int(down), int(up), int(languages)) if down else None
        found[model, task, strategy] = Published(metric, int(languages), float(mean), counts)
    return found


def published_table(
    tables: Sequence[ScoreTable], missing: Missing, config: ReportConfig
) -> Table | None:
    """Ours beside the published figures; ``None`` where no model, task and variant is in print."""
    figures = published_figures()
    rows: list[list[Cell]] = []
    ours = f"Ours count {rule_note(config)}; print by another rule, which counting=published has."
    notes = [NOTE, "" if config.counting == "published" else ours]
    sections = set()
    for table in tables:
        begin = len(rows)
        for variant in table.variants:
            printed = figures.get((table.model, table.task, variant))
            if printed is None or table.metric not in BESIDE.get(table.task, (printed.metric,)):
                continue
            labels = (table.model, table.task) if len(rows) == begin else ("", "")
            average = table.mean(variant)
            n_languages = len({language for language, _ in table.scored(variant)})
            difference = None
            if average is not None and n_languages == printed.languages:
                difference = average - printed.mean / 100
            counted = count(table, variant, config.counting, config.correction)
            texts = (
                "" if variant == BASELINE else arrows(counted),
                arrows(printed.counts) if printed.counts else "",
                f"{n_languages} / {printed.languages}",
            )
            rows.append(
                [
                    *map(Cell, (*labels, variant)),
                    Cell(points(average) + missing.mark(table, variant), value=average),
                    Cell(f"{printed.mean:.1f}", value=printed.mean),
                    Cell(points(difference, signed=True), value=difference),
                    *map(Cell, texts),
                ]
            )
            # What the reader has to know of our metric, and of the printed one if it is another.
            about = METRIC_NOTES.get((table.task, printed.metric))
            in_print = f"{table.task} {printed.metric} in print: {about}." if about else ""
            notes += [table.note, in_print]
        sections.add(begin)
    if not rows:
        return None
    title, note = "Beside the published figures", " ".join(filter(None, dict.fromkeys(notes)))
    return Table("published", title, note, COLUMNS, rows, frozenset(sections), labels=3)
