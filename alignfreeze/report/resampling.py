"""What resampled test examples say of a table's differences, where predictions were kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alignfreeze.config import BASELINE
from alignfreeze.contracts.outcomes import Parts
from alignfreeze.evaluation.bootstrap import (
    PairedParts,
    percentile_interval,
    resampled_differences,
    shared_variance,
)
from alignfreeze.report.score_tables import Resampled, ScoreTable
from alignfreeze.report.settings import ReportConfig

TOLERANCE = 1e-6
"""How far a score may be off what the examples come to."""

NOT_KEPT = "no predictions were kept"

Key = tuple[str, str, int]
"""A variant, a language and a seed."""


@dataclass(frozen=True)
class KeptOutcomes:
    """What was kept of the test examples of a table's runs.

    Attributes:
        parts: By variant and seed, the parts of the examples in the table's metric, by language.
        reasons: By variant and seed, why there are none.
    """

    parts: Mapping[tuple[str, int], Mapping[str, Parts]]
    reasons: Mapping[tuple[str, int], str]


class _UnpairedError(Exception):
    """Why examples of two runs cannot be paired."""


def with_examples(table: ScoreTable, kept: KeptOutcomes, config: ReportConfig) -> ScoreTable:
    """A table with what resampled examples say of its differences, and why they say nothing.

    A variant has it of all its languages or of none: one whose examples cannot be paired with the
    baseline's in one language, with one seed, is told by its seeds alone.
    """
    pairs: dict[Key, PairedParts] = {}
    alone = {}
    for variant in table.compared:
        try:
            pairs |= _pairs(table, variant, kept)
        except _UnpairedError as reason:
            alone[variant] = str(reason)
    return replace(table, resampled=_resampled(table, pairs, config), seeds_alone=alone)


def seeds_alone_lines(tables: Sequence[ScoreTable]) -> list[str]:
    """Of which rows intervals and p-values are over seeds alone, and why; a line each."""
    reasons = [reason for table in tables for reason in table.seeds_alone.values()]
    if reasons and none_kept(tables):
        return [f"All intervals and p-values are over seeds alone: {NOT_KEPT}."]
    return [
        f"{table.name}, {variant}: over seeds alone ({reason})."
        for table in tables
        for variant, reason in table.seeds_alone.items()
    ]


def none_kept(tables: Sequence[ScoreTable]) -> bool:
    """Whether no run of some tables has kept predictions, as imported results have not."""
    reasons = [reason for table in tables for reason in table.seeds_alone.values()]
    alone = all(reason.endswith(NOT_KEPT) for reason in reasons)
    return alone and not any(table.resampled for table in tables)


def _pairs(table: ScoreTable, variant: str, kept: KeptOutcomes) -> dict[Key, PairedParts]:
    """Of each language and seed that a variant and the baseline both have.

    Raises:
        _UnpairedError: If they do not fit.
    """
    pairs: dict[Key, PairedParts] = {}
    for language in (table.source_language, *table.languages):
        seeds = table.comparison(variant, language).own
        for seed in seeds:
            own, baseline = (
                _parts(table, name, language, seed, kept) for name in (variant, BASELINE)
            )
            first = next((p for (_, code, _), p in pairs.items() if code == language), None)
            sizes = {len(p.numerator) for p in (own, baseline, *(first or ()))}
            if len(sizes) > 1:
                texts = " and ".join(f"{size:,}" for size in sorted(sizes))
                raise _UnpairedError(f"the test set of {language} has {texts} examples")
            pairs[variant, language, seed] = PairedParts(own, baseline)
    return pairs


def _parts(table: ScoreTable, variant: str, language: str, seed: int, kept: KeptOutcomes) -> Parts:
    """The parts that come to a score.

    Raises:
        _UnpairedError: If there are none.
    """
    cell = f"{variant}, seed {seed}"
    if reason := kept.reasons.get((variant, seed)):
        raise _UnpairedError(f"{cell}: {reason}")
    parts = kept.parts.get((variant, seed), {}).get(language)
    if parts is None:
        raise _UnpairedError(f"{cell}: no predictions of {language}")
    score = table.values[variant][language][seed]
    if abs(parts.value - score) > TOLERANCE:
        raise _UnpairedError(
            f"{cell}: the predictions of {language} come to {parts.value:.4f}, not to the score "
            f"{score:.4f}"
        )
    return parts


def _resampled(
    table: ScoreTable, pairs: Mapping[Key, PairedParts], config: ReportConfig
) -> dict[str, dict[str | None, Resampled]]:
    """By variant and language, of the average by ``None``; of those with two seeds at least."""
    averages = {variant: table.comparison(variant) for variant, _, _ in pairs}
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
