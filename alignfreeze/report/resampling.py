"""What resampled test examples say of a table's differences, where predictions were kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts.outcomes import Parts
from alignfreeze.evaluation.bootstrap import (
    PairedParts,
    percentile_interval,
    resampled_differences,
    shared_variance,
)
from alignfreeze.evaluation.promises import ROUNDING
from alignfreeze.report.collecting import Collected
from alignfreeze.report.kept_outcomes import NOT_KEPT, Cell, KeptOutcomes
from alignfreeze.report.results import Result
from alignfreeze.report.score_tables import Resampled, ScoreTable
from alignfreeze.report.settings import ReportConfig

Kept = Mapping[Cell, KeptOutcomes]

Key = tuple[str, str, int]
"""A variant, a language and a seed."""


class _UnpairedError(Exception):
    """Why examples of two runs cannot be paired."""


def over_examples(
    collected: Collected, kept: Callable[[ScoreTable, Sequence[Result]], Kept], config: ReportConfig
) -> Collected:
    """What was collected, with what resampled examples say, where predictions were kept.

    Args:
        collected: The tables, and the runs that they are of.
        kept: What the runs of a table have kept.
        config: How often examples are drawn.
    """
    tables = [
        with_examples(table, kept(table, collected.cells[table.key]), config)
        for table in collected.tables
    ]
    reasons = [reason for table in tables for reason in table.seeds_alone.values()]
    if all(reason == NOT_KEPT for reason in reasons) and not any(t.resampled for t in tables):
        # Then there are no other rows that these would have to be told from.
        tables = [replace(table, seeds_alone={}) for table in tables]
        lines = [f"All intervals and p-values are over seeds alone: {NOT_KEPT}."] if reasons else []
        return replace(collected, tables=tables, seeds_alone=lines)
    lines = [
        f"{table.name}: {variant}: {reason}."
        for table in tables
        for variant, reason in table.seeds_alone.items()
    ]
    return replace(collected, tables=tables, seeds_alone=lines)


def with_examples(table: ScoreTable, kept: Kept, config: ReportConfig) -> ScoreTable:
    """A table with what resampled examples say of its differences, or why they say nothing.

    A variant has it of all its languages or of none: one whose examples cannot be paired with the
    reference's in one language, with one seed, is told by its seeds alone.
    """
    pairs: dict[Key, PairedParts] = {}
    alone = {}
    for variant in table.compared:
        try:
            pairs |= _pairs(table, variant, kept)
        except _UnpairedError as reason:
            alone[variant] = str(reason)
    return replace(table, resampled=_resampled(table, pairs, config), seeds_alone=alone)


def _pairs(table: ScoreTable, variant: str, kept: Kept) -> dict[Key, PairedParts]:
    """Of each language and seed that a variant and the reference both have.

    Raises:
        _UnpairedError: If they do not fit.
    """
    runs = {c: own for c, own in kept.items() if c[0] in (variant, table.reference)}
    if not any(own.parts for own in runs.values()):
        raise _UnpairedError(next((own.reason for own in runs.values() if own.reason), NOT_KEPT))
    pairs: dict[Key, PairedParts] = {}
    for language in (table.source_language, *table.languages):
        seeds = table.comparison(variant, language).own
        cells = [(name, seed) for seed in seeds for name in (variant, table.reference)]
        parts = {cell: _parts(table, cell, language, runs) for cell in cells}
        sizes = sorted({len(own.numerator) for own in parts.values()})
        if len(sizes) > 1:
            texts = " and ".join(f"{size:,}" for size in sizes)
            raise _UnpairedError(f"the test set of {language} has {texts} examples")
        if len({runs[cell].digests.get(language) for cell in cells} - {None}) > 1:
            raise _UnpairedError(f"the test set of {language} is not the same in all runs")
        for seed in seeds:
            pair = PairedParts(parts[variant, seed], parts[table.reference, seed])
            pairs[variant, language, seed] = pair
    return pairs


def _parts(table: ScoreTable, cell: Cell, language: str, kept: Kept) -> Parts:
    """The parts that come to a score.

    Raises:
        _UnpairedError: If there are none.
    """
    variant, seed = cell
    run = kept.get(cell, KeptOutcomes(reason=NOT_KEPT))
    if run.reason:
        raise _UnpairedError(f"{variant}, seed {seed}: {run.reason}")
    if language not in run.parts:
        raise _UnpairedError(f"{variant}, seed {seed}: no predictions of {language}")
    found, score = run.parts[language].value, table.values[variant][language][seed]
    if abs(found - score) > ROUNDING:
        raise _UnpairedError(
            f"{variant}, seed {seed}: the predictions of {language} come to {found:.4f}, not to "
            f"the score {score:.4f}"
        )
    return run.parts[language]


def _resampled(
    table: ScoreTable, pairs: Mapping[Key, PairedParts], config: ReportConfig
) -> dict[str, dict[str | None, Resampled]]:
    """By variant and language, of the average by ``None``; of those with two seeds at least."""
    averages = {v: table.comparison(v) for v in dict.fromkeys(variant for variant, _, _ in pairs)}
    means = {
        variant: np.zeros((config.resamples, len(found.own)))
        for variant, found in averages.items()
        if len(found.own) > 1
    }
    resampled: dict[str, dict[str | None, Resampled]] = {variant: {} for variant in averages}
    draws = resampled_differences(pairs, resamples=config.resamples, seed=config.bootstrap_seed)
    for keys, differences in draws:
        for (variant, language), by_seed in _by_language(keys, differences).items():
            if len(by_seed) > 1:
                both = np.stack([by_seed[seed] for seed in sorted(by_seed)], axis=1)
                resampled[variant][language] = _told_by(both, config)
            average = averages[variant]
            if variant in means and language in average.languages:
                whole = np.stack([by_seed[seed] for seed in average.own], axis=1)
                means[variant] += whole / len(average.languages)
    for variant, of_average in means.items():
        resampled[variant][None] = _told_by(of_average, config)
    return resampled


def _by_language(
    keys: Sequence[Key], differences: NDArray[np.float64]
) -> dict[tuple[str, str], dict[int, NDArray[np.float64]]]:
    """Resampled differences by variant and language, and by seed; of shape (resamples,) each."""
    found: dict[tuple[str, str], dict[int, NDArray[np.float64]]] = {}
    for (variant, language, seed), column in zip(keys, differences.T, strict=True):
        found.setdefault((variant, language), {})[seed] = column
    return found


def _told_by(draws: NDArray[np.float64], config: ReportConfig) -> Resampled:
    return Resampled(shared_variance(draws), percentile_interval(draws, seed=config.bootstrap_seed))
