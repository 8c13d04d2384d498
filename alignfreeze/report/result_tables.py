"""The tables of a report: the summary, and all languages of each model and task."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from alignfreeze.base.tables import Cell, Table, interval_text, points, with_deviation
from alignfreeze.report.collecting import Collected
from alignfreeze.report.completeness import SHORT, Missing
from alignfreeze.report.counting import CORRECTIONS, Counts, arrows, count, rule_note, total
from alignfreeze.report.intervals import interval_note, interval_of, seeds_mark, significant
from alignfreeze.report.language_families import by_family
from alignfreeze.report.notes import left_out_of, mixture
from alignfreeze.report.score_tables import ScoreTable, called, differing_in, group_place
from alignfreeze.report.settings import ReportConfig

TOTAL = "all tasks"
OVERALL = "all models"
AVERAGE = "average of targets"

SIGNIFICANT = "*"
"""Marks a difference that is significant."""

COUNTED = Mapping[tuple[str, str, str], Counts | None]
"""By model, task and variant."""

_Row = tuple[str, list[Cell]]
"""In what a row differs from the others of its section, and the row."""


def summary_table(collected: Collected, config: ReportConfig) -> Table:
    """Models, tasks and variants down, with the totals of a model's tasks and of all models."""
    tables, missing = collected.tables, collected.missing
    models = list(dict.fromkeys(table.model for table in tables))
    tasks = list(dict.fromkeys(table.task for table in tables))
    totals = _Totals.of(tables, missing, config)
    parts: list[tuple[str, list[_Row]]] = []
    for model in models:
        own = [table for table in tables if table.model == model]
        parts += [(model, _variants(table, missing, totals.counts, config)) for table in own]
        if len(tasks) > 1:
            parts.append((model, totals.rows(TOTAL, [model], tasks)))
    if len(models) > 1:
        parts += [(OVERALL, totals.rows(task, models, [task])) for task in tasks]
        if len(tasks) > 1:
            parts.append((OVERALL, totals.rows(TOTAL, models, tasks)))
    rows: list[list[Cell]] = []
    sections, groups, before = set(), {}, ""
    for model, part in parts:
        sections.add(len(rows))
        apart = ""
        for group, row in part:
            if group != apart:
                groups[len(rows)] = differing_in(group)
            rows.append([Cell("" if model == before else model), *row])
            before, apart = model, group
    sources = dict.fromkeys(table.source_language for table in tables)
    source = f"{', '.join(sources)} (source)"
    columns = ["model", "task", "strategy", "targets", "difference [95 %]"]
    columns += [source, "change", "↓ ↑"]
    note = _summary_note(tables, config, source, short=_is_marked(rows))
    metrics = dict.fromkeys(table.note for table in tables if table.note)
    note = " ".join([note, *metrics, *mixture(collected.versions)])
    return Table("summary", "Summary", note, columns, rows, frozenset(sections), groups, labels=3)


def _summary_note(
    tables: Sequence[ScoreTable], config: ReportConfig, source: str, *, short: bool
) -> str:
    reference = called(config.reference)
    note = (
        "Test split, %: mean over target languages ± standard deviation over seeds, in bold the "
        f"best of those that rest on the same seeds and languages; its difference to {reference} "
        "in points, over the languages that both have, with its "
        f"{interval_note(tables, config)}; {source}: the language that was fine-tuned in, and its "
        f"change from {reference}: a gain there is faster learning, not transfer, and targets "
        f"share it; ↓ ↑: {rule_note(config)}."
    )
    missing = (
        f" {SHORT}: seeds, languages or runs are missing, see below; a difference that is marked "
        "rests on less than others, and is not to be compared with them."
    )
    return note + (missing if short else "")


def _variants(
    table: ScoreTable, missing: Missing, counts: COUNTED, config: ReportConfig
) -> list[_Row]:
    """A row a variant, without the model."""
    source = table.source_language
    rows: list[_Row] = []
    for variant, cells in _compared(table, None, missing, config).items():
        level = table.mean(variant, source)
        own = (
            Cell(with_deviation(level, table.deviation(variant, source)), value=level),
            _difference(table, variant, source),
            Cell("")
            if variant == table.reference
            else _counted(counts[table.model, table.task, variant]),
        )
        task = "" if rows else f"{table.task} {table.metric}"
        row = [Cell(task), Cell(variant), *cells, *own]
        rows.append((table.groups.get(variant, ""), row))
    return rows


@dataclass(frozen=True)
class _Totals:
    """Sums of counts, the variants by the groups that they belong to."""

    counts: COUNTED
    groups: Mapping[str, str]
    missing: Missing
    reference: str

    @classmethod
    def of(cls, tables: Sequence[ScoreTable], missing: Missing, config: ReportConfig) -> "_Totals":
        """All counts of some tables."""
        counts = {
            (table.model, table.task, variant): count(
                table, variant, config.counting, config.correction
            )
            for table in tables
            for variant in table.variants
            if variant != table.reference
        }
        groups: dict[str, str] = {}
        for table in tables:
            groups = {variant: table.groups.get(variant, "") for variant in table.variants} | groups
        return cls(counts, groups, missing, config.reference)

    def rows(self, name: str, models: Sequence[str], tasks: Sequence[str]) -> list[_Row]:
        """A row for each variant that has counts, marked where one of them is short or missing."""
        rows: list[_Row] = []
        variants = dict.fromkeys(variant for model, _, variant in self.counts if model in models)
        for variant in sorted(variants, key=lambda name: group_place(self.groups[name])):
            keys = [(model, task, variant) for model in models for task in tasks]
            found = total(self.counts.get(key) for key in keys)
            if found is None:
                continue
            lacking = any(
                self.counts.get(key) is None
                or {key, (*key[:2], self.reference)} & self.missing.short
                for key in keys
            )
            empty = [Cell("")] * 4
            label = Cell("" if rows else name)
            row = [label, Cell(variant), *empty, _counted(found, SHORT if lacking else "")]
            rows.append((self.groups[variant], row))
        return rows


def _counted(counts: Counts | None, mark: str = "") -> Cell:
    """Losses and wins, which are sorted by what wins there are beyond losses."""
    return Cell(f"{arrows(counts)}{mark}", value=counts and counts.up - counts.down)


def detail_tables(table: ScoreTable, missing: Missing, config: ReportConfig) -> list[Table]:
    """Languages down, by family; a column of scores, and of differences, for each variant.

    A table for each group of variants, that of those which differ in nothing first.
    """
    source = table.source_language
    lines: dict[str, str | None] = {f"{source} (source)": source}
    lines |= {code: code for code in by_family(table.languages)} | {AVERAGE: None}
    known = {v: significant(table, v, config.correction) for v in table.compared}
    found = {
        name: _compared(table, code, missing, config, {v for v in known if code in known[v]})
        for name, code in lines.items()
    }
    sections = frozenset({1, len(lines) - 1})
    shown: list[Table] = []
    for group, variants in table.grouped.items():
        # The reference has no column of differences, nor has any where there is none.
        widths = {variant: 2 if variant in table.compared else 1 for variant in variants}
        columns = ["language"]
        for variant, width in widths.items():
            columns += [variant, "difference [95 %]"][:width]
        rows = [
            [Cell(name), *(c for variant, n in widths.items() for c in cells[variant][:n])]
            for name, cells in found.items()
        ]
        note = _detail_note(table, variants, config, short=_is_marked(rows))
        title = f"{table.name}: {differing_in(group)}" if group else table.name
        stem = f"detail-{table.model}-{table.task}{f'-{len(shown) + 1}' if shown else ''}"
        shown.append(Table(stem, title, note, columns, rows, sections))
    return shown


def _detail_note(
    table: ScoreTable, variants: Sequence[str], config: ReportConfig, *, short: bool
) -> str:
    parts = [
        f"{table.metric} on the test split, %, mean ± sample standard deviation over seeds; in "
        "bold the best of those in a row that rest on the same seeds and languages. Differences "
        f"to {called(table.reference)} in points over the seeds that both have, with their "
        f"{interval_note([table], config)}"
        f". What {table.source_language} gains, the language that was fine-tuned in, is faster "
        "learning, not transfer, and the others share it."
    ]
    if any(table.comparison(variant).own for variant in variants):
        parts.append(
            f"{SIGNIFICANT}: significant at 0.05, corrected for the number of target languages "
            f"{CORRECTIONS[config.correction]}."
        )
    if len(table.grouped) > 1:
        parts.append(
            "A row goes on in the other tables of this model and task: its best is of all."
        )
    if short:
        parts.append(
            f"{SHORT}: seeds or languages are missing; a difference that is marked rests on less "
            "than others in its row, and is not to be compared with them."
        )
    parts += [*left_out_of(table, variants), *mixture(table.versions)]
    return " ".join([*parts, *([table.note] if table.note else [])])


def _is_marked(rows: Sequence[Sequence[Cell]]) -> bool:
    return any(SHORT in cell.text for row in rows for cell in row)


def _compared(
    table: ScoreTable,
    language: str | None,
    missing: Missing,
    config: ReportConfig,
    found: Collection[str] = (),
) -> dict[str, tuple[Cell, Cell]]:
    """By variant its mean, of all targets by default, and its difference to the reference.

    The differences of those in ``found`` are significant.
    """
    means = {variant: table.mean(variant, language) for variant in table.variants}
    best = best_of(means, {variant: table.scored(variant, language) for variant in means})
    cells = {}
    for variant, value in means.items():
        text = with_deviation(value, table.deviation(variant, language))
        text += missing.mark(table, variant, language)
        star = SIGNIFICANT if variant in found else ""
        difference = _difference(table, variant, language, config, star)
        cells[variant] = (Cell(text, variant in best, value), difference)
    return cells


def _difference(
    table: ScoreTable,
    variant: str,
    language: str | None,
    config: ReportConfig | None = None,
    star: str = "",
) -> Cell:
    """The difference to the reference in points, with an interval if asked; marked if of less."""
    if variant not in table.compared:
        return Cell("")
    comparison = table.comparison(variant, language)
    text = points(comparison.difference, signed=True)
    if not comparison.own:
        return Cell(text)
    ends = interval_of(table, variant, language, config) if config else None
    if config is not None and ends is not None:
        text = f"{text} {interval_text(ends)}{star}{seeds_mark(table, variant, config)}"
    mark = SHORT if table.falls_short(variant, language) else ""
    return Cell(f"{text}{mark}", value=comparison.difference)


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
