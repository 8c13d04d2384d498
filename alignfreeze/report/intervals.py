"""How sure differences to the reference are, over seeds and examples or over seeds alone."""

from collections.abc import Sequence

import numpy as np

from alignfreeze.evaluation.bootstrap import percentile_interval
from alignfreeze.evaluation.significance import (
    LEVEL,
    Correction,
    MeanDifference,
    adjusted,
    mean_difference,
)
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

INTERVALS = {
    "hierarchical": "interval over the seeds and the test examples that both have",
    "bootstrap": "plain bootstrap interval over the seeds and the test examples that both have, "
    "too narrow if seeds are few",
    "t": "paired t interval over the seeds that both have",
}
"""What each is, for the note of a table."""

ALONE = {
    "hierarchical": INTERVALS["t"],
    "bootstrap": "paired bootstrap interval over the seeds that both have, too narrow if they are "
    "few",
    "t": INTERVALS["t"],
}
"""What each is where no predictions of examples were kept."""

OVER_SEEDS = "‡"
"""Marks a difference whose interval is over seeds alone, beside others that are not."""


def difference_of(
    table: ScoreTable, variant: str, language: str | None = None, *, examples: bool = True
) -> MeanDifference | None:
    """The difference of a variant to the reference, of the average by default, and its error.

    Over seeds and examples; over seeds alone without ``examples``, or where they say nothing.
    ``None`` of fewer than two seeds.
    """
    found = table.comparison(variant, language).differences
    resampled = table.resampled.get(variant, {}).get(language) if examples else None
    return mean_difference([*found.values()], resampled.shared if resampled else 0.0)


def interval_of(
    table: ScoreTable, variant: str, language: str | None, config: ReportConfig
) -> tuple[float, float] | None:
    """The 95 % interval that is asked for, fractions; ``None`` of fewer than two seeds."""
    if config.interval != "bootstrap":
        hierarchical = config.interval == "hierarchical"
        found = difference_of(table, variant, language, examples=hierarchical)
        return found.interval if found else None
    if resampled := table.resampled.get(variant, {}).get(language):
        return resampled.plain
    values = [*table.comparison(variant, language).differences.values()]
    if len(values) < 2:
        return None
    draws = np.tile(values, (config.resamples, 1))
    return percentile_interval(draws, seed=config.bootstrap_seed)


def significant(
    table: ScoreTable, variant: str, correction: Correction
) -> dict[str, MeanDifference]:
    """The differences of target languages that are significant at 0.05, corrected for all of them.

    Args:
        table: The scores.
        variant: What is compared with the reference.
        correction: For as many target languages as can be compared, of this variant alone.
    """
    found = {code: difference_of(table, variant, code) for code in table.languages}
    known = {code: difference for code, difference in found.items() if difference}
    p_values = adjusted([difference.p_value for difference in known.values()], correction)
    pairs = zip(known.items(), p_values, strict=True)
    return {code: difference for (code, difference), p in pairs if p < LEVEL}


def interval_note(tables: Sequence[ScoreTable], config: ReportConfig) -> str:
    """What the intervals of some tables are."""
    marked = config.interval != "t" and any(table.seeds_alone for table in tables)
    kinds = INTERVALS if any(table.resampled for table in tables) else ALONE
    return f"95 % {kinds[config.interval]}" + (f" ({OVER_SEEDS}: over seeds alone)" * marked)


def seeds_mark(table: ScoreTable, variant: str, config: ReportConfig) -> str:
    """What is put behind an interval that is over seeds alone, where that is not said of all."""
    return OVER_SEEDS if config.interval != "t" and variant in table.seeds_alone else ""
