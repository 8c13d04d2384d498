"""The summary of a report: means over target languages, and in how many of them each wins."""

from collections.abc import Mapping, Sequence

from alignfreeze.base.tables import MISSING, Cell, Table, points, with_deviation
from alignfreeze.config import BASELINE
from alignfreeze.report.comparison import SHORT, SeedInterval, best_of, with_interval
from alignfreeze.report.completeness import Missing
from alignfreeze.report.counting import Counts, Rule, arrows, count, total
from alignfreeze.report.notes import mixture
from alignfreeze.report.score_tables import ScoreTable

Key = tuple[str, str, str]
"""Model, task, variant."""

TOTAL = "all tasks"
OVERALL = "all models"
LABELS = 3

RULES: Mapping[Rule, str] = {
    "exact": "unrounded means, and the sample standard deviation of the baseline's seeds",
    "paper": "means, and the population deviation of the baseline's seeds, in points rounded to "
    "0.1 first",
    "published": "as in print: rounded to 0.1 first, and compared as sums of binary doubles; PoS "
    "counts the average as one more language, NLI leaves Russian out",
}


def all_counts(tables: Sequence[ScoreTable], rule: Rule) -> dict[Key, Counts | None]:
    """The counts of every variant but the baseline."""
    return {
        (table.model, table.task, variant): count(table, variant, rule)
        for table in tables
        for variant in table.variants
        if variant != BASELINE
    }


def summary_table(
    tables: Sequence[ScoreTable],
    missing: Missing,
    rule: Rule,
    interval: SeedInterval,
    versions: Sequence[str] = (),
) -> Table:
    """Models, tasks and variants down, with the totals of a model's tasks and of all models.

    Args:
        tables: All models and tasks, those of a model beside each other.
        missing: What is missing.
        rule: How wins and losses are counted.
        interval: Of the differences.
        versions: Of what all runs together have several versions, and which.
    """
    counts = all_counts(tables, rule)
    models = list(dict.fromkeys(table.model for table in tables))
    tasks = list(dict.fromkeys(table.task for table in tables))
    parts = {
        model: [_rows(table, missing, counts, interval) for table in tables if table.model == model]
        for model in models
    }
    if len(tasks) > 1:
        for model, own in parts.items():
            own.append(_totals(TOTAL, [model], tasks, counts, missing))
    if len(models) > 1:
        overall = [_totals(task, models, [task], counts, missing) for task in tasks]
        if len(tasks) > 1:
            overall.append(_totals(TOTAL, models, tasks, counts, missing))
        parts[OVERALL] = [[row for part in overall for row in part]]
    rows: list[list[Cell]] = []
    sections = set()
    for name, own in parts.items():
        label = name
        for part in own:
            sections.add(len(rows))
            for row in part:
                rows.append([Cell(label), *row])
                label = ""
    sources = list(dict.fromkeys(table.source_language for table in tables))
    source = f"{', '.join(sources)} (source)"
    columns = ["model", "task", "strategy", "targets", "difference [95 %]"]
    columns += [source, "change", "↓ ↑"]
    short = any(SHORT in cell.text for row in rows for cell in row)
    metrics = dict.fromkeys(table.note for table in tables if table.note)
    note = " ".join([_note(rule, interval, source, short=short), *metrics, *mixture(versions)])
    return Table("summary", "Summary", note, columns, rows, frozenset(sections), labels=LABELS)


def _note(rule: Rule, interval: SeedInterval, source: str, *, short: bool) -> str:
    note = (
        "Test split, %: mean over target languages ± standard deviation over seeds, in bold the "
        "best of those that rest on the same seeds and languages; its difference to the baseline "
        f"in points, over the languages that both have, with its 95 % {interval.words}; {source}: "
        "the language that was fine-tuned in, and its change from the baseline: a gain there is "
        "faster learning, not transfer, and targets share it; ↓ ↑: in how many languages the mean "
        "over seeds lies below and above the baseline's by more "
        f"than one standard deviation ({RULES[rule]})."
    )
    missing = (
        f" {SHORT}: seeds, languages or runs are missing, see below; a difference that is marked "
        "rests on less than others, and is not to be compared with them."
    )
    return note + (missing if short else "")


def _rows(
    table: ScoreTable, missing: Missing, counts: Mapping[Key, Counts | None], interval: SeedInterval
) -> list[list[Cell]]:
    """A row a variant, without the model."""
    source = table.source_language
    means = {variant: table.mean(variant) for variant in table.variants}
    best = best_of(means, {variant: table.scored(variant) for variant in table.variants})
    rows: list[list[Cell]] = []
    for variant, mean in means.items():
        key = (table.model, table.task, variant)
        difference = change = ""
        if variant in table.compared:
            short = table.falls_short(variant)
            difference = with_interval(table.differences(variant), interval, short=short)
            change = points(table.difference(variant, source), signed=True)
            if change != MISSING and table.falls_short(variant, source):
                change += SHORT
        target = f"{with_deviation(mean, table.deviation(variant))}{mark(key, missing)}"
        texts = (
            difference,
            with_deviation(table.mean(variant, source), table.deviation(variant, source)),
            change,
            arrows(counts[key]) if variant != BASELINE else "",
        )
        task = "" if rows else f"{table.task} {table.metric}"
        rows.append([Cell(task), Cell(variant), Cell(target, variant in best), *map(Cell, texts)])
    return rows


def _totals(
    name: str,
    models: Sequence[str],
    tasks: Sequence[str],
    counts: Mapping[Key, Counts | None],
    missing: Missing,
) -> list[list[Cell]]:
    """A row a variant of some models with the sum of its counts, without the model."""
    rows: list[list[Cell]] = []
    for variant in dict.fromkeys(key[2] for key in counts if key[0] in models):
        total = _total([(m, task, variant) for m in models for task in tasks], counts, missing)
        texts = ("" if rows else name, variant, "", "", "", "", total)
        rows.append([Cell(text) for text in texts])
    return rows


def mark(key: Key, missing: Missing) -> str:
    """What is put behind a value that something is missing of."""
    return SHORT if key in missing.short else ""


def _total(keys: Sequence[Key], counts: Mapping[Key, Counts | None], missing: Missing) -> str:
    """The sum of counts, marked where one of them is short or missing."""
    found = total([counts.get(key) for key in keys])
    lacking = any(
        counts.get(key) is None or {key, (*key[:2], BASELINE)} & missing.short for key in keys
    )
    return f"{arrows(found)}{SHORT if found and lacking else ''}"
