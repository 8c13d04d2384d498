"""The detail of a report: every language of a model and a task."""

from collections.abc import Callable, Mapping

from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block
from alignfreeze.report.bootstrap import Interval, paired_interval
from alignfreeze.report.families import by_family
from alignfreeze.report.grids import MISSING, Entry, Grid, points, with_deviation

AVERAGE = "average"

Intervals = Callable[[Mapping[int, float], Mapping[int, float]], Interval | None]
"""What `paired_interval` is, its resamples and seed given."""


def detail_grid(block: Block, *, resamples: int, seed: int) -> Grid:
    """Languages down, by family; for each variant its scores, and the difference to the baseline.

    Args:
        block: The scores.
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
    rows = [_row(block, language, interval) for language in (block.source_language, *languages)]
    rows.append(_average_row(block, interval))
    note = (
        f"{block.metric} on the test split, %, mean ± sample standard deviation over seeds; the "
        "best of a row in bold. Differences to the baseline in points, with a paired bootstrap "
        "interval over seeds; of few seeds it is narrower than it should be."
    )
    return Grid(
        f"detail-{block.model}-{block.task}",
        f"{block.model}, {block.task}",
        note,
        columns,
        rows,
        frozenset({1, len(rows) - 1}),
    )


def _row(block: Block, language: str, interval: Intervals) -> list[Entry]:
    source = " (source)" if language == block.source_language else ""
    means = {variant: block.mean(variant, language) for variant in block.variants}
    seeds = {v: block.values.get(v, {}).get(language, {}) for v in block.variants}
    spreads = {variant: block.deviation(variant, language) for variant in block.variants}
    return [Entry(f"{language}{source}"), *_entries(means, spreads, seeds, interval)]


def _average_row(block: Block, interval: Intervals) -> list[Entry]:
    means = {variant: block.average(variant) for variant in block.variants}
    seeds = {variant: block.averages(variant) for variant in block.variants}
    spreads = {variant: block.average_deviation(variant) for variant in block.variants}
    return [Entry(AVERAGE), *_entries(means, spreads, seeds, interval)]


def _entries(
    means: Mapping[str, float | None],
    spreads: Mapping[str, float | None],
    seeds: Mapping[str, Mapping[int, float]],
    interval: Intervals,
) -> list[Entry]:
    present = [value for value in means.values() if value is not None]
    best = max(present) if present else None
    entries = []
    for variant, mean in means.items():
        bold = mean is not None and mean == best
        entries.append(Entry(with_deviation(mean, spreads[variant]), bold))
        if BASELINE in means and variant != BASELINE:
            entries.append(
                Entry(_difference(mean, means[BASELINE], interval(seeds[variant], seeds[BASELINE])))
            )
    return entries


def _difference(mean: float | None, baseline: float | None, interval: Interval | None) -> str:
    if mean is None or baseline is None:
        return MISSING
    text = points(mean - baseline, signed=True)
    if interval is None:
        return text
    low, high = (points(end, signed=True) for end in interval)
    return f"{text} [{low}, {high}]"
