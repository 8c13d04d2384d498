"""A report's numbers with all of their digits, as comma-separated values."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import pandas as pd

from alignfreeze.report.counting import Rule
from alignfreeze.report.intervals import SeedInterval
from alignfreeze.report.score_tables import Block
from alignfreeze.report.summary import all_counts


def summary_csv(blocks: Sequence[Block], rule: Rule, interval: SeedInterval) -> str:
    """A row a model, task and variant: means as fractions, counts, seeds and languages.

    The difference is over the languages in ``compared`` and the seeds in ``paired``; columns that
    begin with ``source_`` are of the source language.
    """
    counts = all_counts(blocks, rule)
    rows = []
    for block in blocks:
        for variant in block.variants:
            found = counts.get((block.model, block.task, variant))
            both = block.comparison(variant)
            differences = both.differences if variant in block.compared else {}
            source = block.source_language
            of_source = block.differences(variant, source) if variant in block.compared else {}
            rows.append(
                {
                    "model": block.model,
                    "task": block.task,
                    "metric": block.metric,
                    "strategy": variant,
                    "mean": block.average(variant),
                    "deviation": block.average_deviation(variant),
                    **_difference(differences, interval),
                    "compared": " ".join(both.languages) if differences else "",
                    "paired": " ".join(map(str, differences)),
                    "source_language": source,
                    "source_mean": block.mean(variant, source),
                    "source_deviation": block.deviation(variant, source),
                    **_difference(of_source, interval, "source_"),
                    "down": found and found.down,
                    "up": found and found.up,
                    "counted": found and found.languages,
                    "languages": len({language for language, _ in block.scored(variant)}),
                    "seeds": " ".join(map(str, block.seeds(variant))),
                }
            )
    counted = {"down": "Int64", "up": "Int64", "counted": "Int64"}
    return str(pd.DataFrame(rows).astype(counted).to_csv(index=False))


def _difference(
    differences: Mapping[int, float], interval: SeedInterval, prefix: str = ""
) -> dict[str, Any]:
    """Columns of a difference, given by seed, and of its interval."""
    ends = interval(differences)
    return {
        f"{prefix}difference": mean(differences.values()) if differences else None,
        f"{prefix}low": ends and ends.low,
        f"{prefix}high": ends and ends.high,
    }


def detail_csv(blocks: Sequence[Block], interval: SeedInterval) -> str:
    """A row a model, task, variant and language; fractions, differences to the baseline too."""
    rows = []
    for block in blocks:
        for variant in block.variants:
            for language in (block.source_language, *block.languages):
                compares = variant in block.compared
                differences = block.differences(variant, language) if compares else {}
                seeds = sorted(block.values[variant].get(language, ()))
                rows.append(
                    {
                        "model": block.model,
                        "task": block.task,
                        "metric": block.metric,
                        "strategy": variant,
                        "language": language,
                        "role": "source" if language == block.source_language else "target",
                        "mean": block.mean(variant, language),
                        "deviation": block.deviation(variant, language),
                        **_difference(differences, interval),
                        "seeds": " ".join(map(str, seeds)),
                        "paired": " ".join(map(str, differences)),
                    }
                )
    return str(pd.DataFrame(rows).to_csv(index=False))


def scores_csv(blocks: Sequence[Block]) -> str:
    """A row a score: what all else is computed from."""
    rows = [
        (block.model, block.task, block.metric, variant, language, seed, value)
        for block in blocks
        for variant in block.variants
        for language, seeds in block.values[variant].items()
        for seed, value in sorted(seeds.items())
    ]
    columns = ["model", "task", "metric", "strategy", "language", "seed", "value"]
    return str(pd.DataFrame(rows, columns=columns).to_csv(index=False))
