"""The detail of a report: every language of a model and a task."""

from alignfreeze.base.tables import Cell, Table, with_deviation
from alignfreeze.report.comparison import SHORT, SeedInterval, best_of, with_interval
from alignfreeze.report.completeness import Missing
from alignfreeze.report.language_families import by_family
from alignfreeze.report.notes import left_out_of, mixture
from alignfreeze.report.score_tables import ScoreTable

AVERAGE = "average of targets"


def detail_table(table: ScoreTable, missing: Missing, interval: SeedInterval) -> Table:
    """Languages down, by family; for each variant its scores, and the difference to the baseline.

    Args:
        table: The scores.
        missing: What is missing.
        interval: Of the differences.
    """
    columns = ["language"]
    for variant in table.variants:
        columns += [variant, *(["difference [95 %]"] if variant in table.compared else [])]
    source = table.source_language
    lines: dict[str, str | None] = {f"{source} (source)": source}
    lines |= {code: code for code in by_family(table.languages)} | {AVERAGE: None}
    short = any(
        _lacks(table, variant, language, missing)
        or (variant in table.compared and table.falls_short(variant, language))
        for language in lines.values()
        for variant in table.variants
    )
    return Table(
        f"detail-{table.model}-{table.task}",
        table.name,
        _note(table, interval, short=short),
        columns,
        [[Cell(n), *_cells(table, code, missing, interval)] for n, code in lines.items()],
        frozenset({1, len(lines) - 1}),
    )


def _note(table: ScoreTable, interval: SeedInterval, *, short: bool) -> str:
    parts = [
        f"{table.metric} on the test split, %, mean ± sample standard deviation over seeds; in "
        "bold the best of those in a row that rest on the same seeds and languages. Differences "
        f"to the baseline in points over the seeds that both have, with their 95 % {interval.words}"
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


def _lacks(table: ScoreTable, variant: str, language: str | None, missing: Missing) -> bool:
    """Whether a mean is over fewer seeds or languages than is expected."""
    if language is None:
        return (table.model, table.task, variant) in missing.short
    own = table.scores(variant, language)
    return bool(own) and bool(missing.expected - own.keys())


def _cells(
    table: ScoreTable, language: str | None, missing: Missing, interval: SeedInterval
) -> list[Cell]:
    """The row of a language, or of the average."""
    means = {variant: table.mean(variant, language) for variant in table.variants}
    best = best_of(means, {variant: table.scored(variant, language) for variant in means})
    cells = []
    for variant, mean in means.items():
        mark = SHORT if _lacks(table, variant, language, missing) else ""
        text = with_deviation(mean, table.deviation(variant, language))
        cells.append(Cell(f"{text}{mark}", variant in best))
        if variant in table.compared:
            short = table.falls_short(variant, language)
            text = with_interval(table.differences(variant, language), interval, short=short)
            cells.append(Cell(text))
    return cells
