"""The tables of a report: the summary, and all languages of each model and task."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from alignfreeze.base.tables import Cell, Table, points, with_deviation
from alignfreeze.config import BASELINE
from alignfreeze.report.collecting import Collected
from alignfreeze.report.completeness import SHORT, Missing
from alignfreeze.report.counting import RULES, Counts, arrows, count, total
from alignfreeze.report.intervals import INTERVALS, seed_interval
from alignfreeze.report.language_families import by_family
from alignfreeze.report.notes import left_out_of, mixture
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

TOTAL = "all tasks"
OVERALL = "all models"
AVERAGE = "average of targets"

COUNTED = Mapping[tuple[str, str, str], Counts | None]
"""By model, task and variant."""


def summary_table(collected: Collected, config: ReportConfig) -> Table:
    """Models, tasks and variants down, with the totals of a model's tasks and of all models."""
    tables, missing = collected.tables, collected.missing
    counts = {
        (table.model, table.task, variant): count(table, variant, config.counting)
        for table in tables
        for variant in table.variants
        if variant != BASELINE
    }
    models = list(dict.fromkeys(table.model for table in tables))
    tasks = list(dict.fromkeys(table.task for table in tables))
    parts: list[tuple[str, list[list[Cell]]]] = []
    for model in models:
        own = [table for table in tables if table.model == model]
        parts += [(model, _variants(table, missing, counts, config)) for table in own]
        if len(tasks) > 1:
            parts.append((model, _totals(TOTAL, [model], tasks, counts, missing)))
    if len(models) > 1:
        overall = [row for task in tasks for row in _totals(task, models, [task], counts, missing)]
        if len(tasks) > 1:
            overall += _totals(TOTAL, models, tasks, counts, missing)
        parts.append((OVERALL, overall))
    rows: list[list[Cell]] = []
    sections, before = set(), ""
    for model, part in parts:
        sections.add(len(rows))
        for row in part:
            rows.append([Cell("" if model == before else model), *row])
            before = model
    sources = dict.fromkeys(table.source_language for table in tables)
    source = f"{', '.join(sources)} (source)"
    columns = ["model", "task", "strategy", "targets", "difference [95 %]"]
    columns += [source, "change", "↓ ↑"]
    note = _summary_note(config, source, short=_is_marked(rows))
    metrics = dict.fromkeys(table.note for table in tables if table.note)
    note = " ".join([note, *metrics, *mixture(collected.versions)])
    return Table("summary", "Summary", note, columns, rows, frozenset(sections), labels=3)


def _summary_note(config: ReportConfig, source: str, *, short: bool) -> str:
    note = (
        "Test split, %: mean over target languages ± standard deviation over seeds, in bold the "
        "best of those that rest on the same seeds and languages; its difference to the baseline "
        "in points, over the languages that both have, with its 95 % "
        f"{INTERVALS[config.interval]}; {source}: "
        "the language that was fine-tuned in, and its change from the baseline: a gain there is "
        "faster learning, not transfer, and targets share it; ↓ ↑: in how many languages the mean "
        "over seeds lies below and above the baseline's by more "
        f"than one standard deviation ({RULES[config.counting]})."
    )
    missing = (
        f" {SHORT}: seeds, languages or runs are missing, see below; a difference that is marked "
        "rests on less than others, and is not to be compared with them."
    )
    return note + (missing if short else "")


def _variants(
    table: ScoreTable, missing: Missing, counts: COUNTED, config: ReportConfig
) -> list[list[Cell]]:
    """A row a variant, without the model."""
    source = table.source_language
    rows: list[list[Cell]] = []
    for variant, cells in _compared(table, None, missing, config).items():
        texts = (
            with_deviation(table.mean(variant, source), table.deviation(variant, source)),
            _difference(table, variant, source),
            "" if variant == BASELINE else arrows(counts[table.model, table.task, variant]),
        )
        task = "" if rows else f"{table.task} {table.metric}"
        rows.append([Cell(task), Cell(variant), *cells, *map(Cell, texts)])
    return rows


def _totals(
    name: str, models: Sequence[str], tasks: Sequence[str], counts: COUNTED, missing: Missing
) -> list[list[Cell]]:
    """A row a variant with the sum of its counts, marked where one of them is short or missing."""
    rows: list[list[Cell]] = []
    for variant in dict.fromkeys(variant for model, _, variant in counts if model in models):
        keys = [(model, task, variant) for model in models for task in tasks]
        found = total(counts.get(key) for key in keys)
        lacking = any(
            counts.get(key) is None or {key, (*key[:2], BASELINE)} & missing.short for key in keys
        )
        text = f"{arrows(found)}{SHORT if found and lacking else ''}"
        texts = ("" if rows else name, variant, "", "", "", "", text)
        rows.append([Cell(text) for text in texts])
    return rows


def detail_table(table: ScoreTable, missing: Missing, config: ReportConfig) -> Table:
    """Languages down, by family; a column of scores, and of differences, for each variant."""
    # The baseline has no column of differences, nor has any where there is no baseline.
    widths = {variant: 2 if variant in table.compared else 1 for variant in table.variants}
    columns = ["language"]
    for variant, width in widths.items():
        columns += [variant, "difference [95 %]"][:width]
    source = table.source_language
    lines: dict[str, str | None] = {f"{source} (source)": source}
    lines |= {code: code for code in by_family(table.languages)} | {AVERAGE: None}
    rows = []
    for name, language in lines.items():
        found = _compared(table, language, missing, config).items()
        cells = [cell for variant, own in found for cell in own[: widths[variant]]]
        rows.append([Cell(name), *cells])
    note = _detail_note(table, config, short=_is_marked(rows))
    sections = frozenset({1, len(lines) - 1})
    return Table(f"detail-{table.model}-{table.task}", table.name, note, columns, rows, sections)


def _detail_note(table: ScoreTable, config: ReportConfig, *, short: bool) -> str:
    parts = [
        f"{table.metric} on the test split, %, mean ± sample standard deviation over seeds; in "
        "bold the best of those in a row that rest on the same seeds and languages. Differences "
        "to the baseline in points over the seeds that both have, with their 95 % "
        f"{INTERVALS[config.interval]}"
        f". What {table.source_language} gains, the language that was fine-tuned in, is faster "
        "learning, not transfer, and the others share it."
    ]
    if short:
        parts.append(
            f"{SHORT}: seeds or languages are missing; a difference that is marked rests on less "
            "than others in its row, and is not to be compared with them."
        )
    parts += [*left_out_of(table), *mixture(table.versions)]
    return " ".join([*parts, *([table.note] if table.note else [])])


def _is_marked(rows: Sequence[Sequence[Cell]]) -> bool:
    return any(SHORT in cell.text for row in rows for cell in row)


def _compared(
    table: ScoreTable, language: str | None, missing: Missing, config: ReportConfig
) -> dict[str, tuple[Cell, Cell]]:
    """By variant its mean, of all targets by default, and its difference to the baseline."""
    means = {variant: table.mean(variant, language) for variant in table.variants}
    best = best_of(means, {variant: table.scored(variant, language) for variant in means})
    cells = {}
    for variant, value in means.items():
        text = with_deviation(value, table.deviation(variant, language))
        text += missing.mark(table, variant, language)
        difference = _difference(table, variant, language, config)
        cells[variant] = (Cell(text, variant in best), Cell(difference))
    return cells


def _difference(
    table: ScoreTable, variant: str, language: str | None, config: ReportConfig | None = None
) -> str:
    """The difference to the baseline in points, with an interval if asked; marked if of less."""
    if variant not in table.compared:
        return ""
    comparison = table.comparison(variant, language)
    text = points(comparison.difference, signed=True)
    if not comparison.own:
        return text
    ends = seed_interval(comparison.differences, config) if config else None
    if ends is not None:
        low, high = (points(end, signed=True) for end in ends)
        text = f"{text} [{low}, {high}]"
    return f"{text}{SHORT if table.falls_short(variant, language) else ''}"


def best_of(
    values: Mapping[str, float | None], scored: Mapping[str, Collection[object]]
) -> set[str]:
    """The rows that are best among those that can be compared.

    These are the rows that rest on the same scores, such as the same seeds of the same languages:
    the largest such set of rows; of several, that with the most scores.

    Args:
        values: A value of each row; ``None`` where it has none.
        scored: By row, what its value rests on.

    Returns:
        None of them, if fewer than two can be compared.
    """
    found = {row: value for row, value in values.items() if value is not None}
    groups = Counter(frozenset(scored[row]) for row in found)
    common = max(groups, key=lambda scores: (groups[scores], len(scores)), default=frozenset())
    alike = {row: value for row, value in found.items() if frozenset(scored[row]) == common}
    return {row for row, value in alike.items() if value == max(alike.values()) and len(alike) > 1}
