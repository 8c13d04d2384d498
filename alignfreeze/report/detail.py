"""The detail of a report: every language of a model and a task."""

from collections.abc import Callable, Container, Mapping

from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block, paired_difference
from alignfreeze.report.bootstrap import Interval, paired_interval
from alignfreeze.report.families import by_family
from alignfreeze.report.gaps import Gaps
from alignfreeze.report.grids import MISSING, SHORT, Entry, Grid, points, with_deviation

AVERAGE = "average"

Intervals = Callable[[Mapping[int, float], Mapping[int, float]], Interval | None]
"""What `paired_interval` is, its resamples and seed given."""


def detail_grid(block: Block, gaps: Gaps, *, resamples: int, seed: int) -> Grid:
    """Languages down, by family; for each variant its scores, and the difference to the baseline.

    Args:
        block: The scores.
        gaps: What is missing.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """

    def interval(own: Mapping[int, float], baseline: Mapping[int, float]) -> Interval | None:
        return paired_interval(own, baseline, resamples=resamples, seed=seed)

    compares = BASELINE in block.variants
    columns = ["language"]
    for variant in block.variants:
        columns.append(variant)
        if compares and variant != BASELINE:
            columns.append("difference [95 %]")
    languages = by_family(block.languages)
    rows = [
        _row(block, language, gaps, interval) for language in (block.source_language, *languages)
    ]
    rows.append(_average_row(block, gaps, interval))
    note = (
        f"{block.metric} on the test split, %, mean ± sample standard deviation over seeds; the "
        "best of a row in bold. Differences to the baseline in points, with a paired bootstrap "
        "interval over seeds; of few seeds it is narrower than it should be."
    )
    if any(SHORT in entry.text for row in rows for entry in row):
        note += f" {SHORT}: seeds or languages are missing; differences are over the shared seeds."
    if block.note:
        note += f" {block.note}"
    return Grid(
        f"detail-{block.model}-{block.task}",
        f"{block.model}, {block.task}",
        note,
        columns,
        rows,
        frozenset({1, len(rows) - 1}),
    )


def _row(block: Block, language: str, gaps: Gaps, interval: Intervals) -> list[Entry]:
    source = " (source)" if language == block.source_language else ""
    means = {variant: block.mean(variant, language) for variant in block.variants}
    seeds = {v: block.values.get(v, {}).get(language, {}) for v in block.variants}
    spreads = {variant: block.deviation(variant, language) for variant in block.variants}
    short = {variant for variant, own in seeds.items() if own and gaps.expected - own.keys()}
    return [Entry(f"{language}{source}"), *_entries(means, spreads, seeds, short, interval)]


def _average_row(block: Block, gaps: Gaps, interval: Intervals) -> list[Entry]:
    means = {variant: block.average(variant) for variant in block.variants}
    seeds = {variant: block.averages(variant) for variant in block.variants}
    spreads = {variant: block.average_deviation(variant) for variant in block.variants}
    short = {v for v in block.variants if (block.model, block.task, v) in gaps.short}
    return [Entry(AVERAGE), *_entries(means, spreads, seeds, short, interval)]


def _entries(
    means: Mapping[str, float | None],
    spreads: Mapping[str, float | None],
    seeds: Mapping[str, Mapping[int, float]],
    short: Container[str],
    interval: Intervals,
) -> list[Entry]:
    present = [value for value in means.values() if value is not None]
    best = max(present) if present else None
    entries = []
    for variant, mean in means.items():
        bold = mean is not None and mean == best
        mark = SHORT if variant in short else ""
        entries.append(Entry(f"{with_deviation(mean, spreads[variant])}{mark}", bold))
        if BASELINE in means and variant != BASELINE:
            entries.append(Entry(_difference(seeds[variant], seeds[BASELINE], interval)))
    return entries


def _difference(
    own: Mapping[int, float], baseline: Mapping[int, float], interval: Intervals
) -> str:
    difference = paired_difference(own, baseline)
    if difference is None:
        return MISSING
    text, ends = points(difference, signed=True), interval(own, baseline)
    if ends is None:
        return text
    low, high = (points(end, signed=True) for end in ends)
    return f"{text} [{low}, {high}]"
