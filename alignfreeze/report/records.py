"""A report's numbers with all of their digits, as comma-separated values."""

from collections.abc import Sequence

import pandas as pd

from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block
from alignfreeze.report.bootstrap import paired_interval
from alignfreeze.report.counting import Rule
from alignfreeze.report.summary import all_counts


def summary_csv(blocks: Sequence[Block], rule: Rule) -> str:
    """A row a model, task and variant: means as fractions, counts, seeds and languages."""
    counts = all_counts(blocks, rule)
    rows = []
    for block in blocks:
        for variant in block.variants:
            found = counts.get((block.model, block.task, variant))
            rows.append(
                {
                    "model": block.model,
                    "task": block.task,
                    "metric": block.metric,
                    "strategy": variant,
                    "mean": block.average(variant),
                    "deviation": block.average_deviation(variant),
                    "down": found and found.down,
                    "up": found and found.up,
                    "counted": found and found.languages,
                    "languages": len(block.values[variant].keys() & {*block.languages}),
                    "seeds": " ".join(map(str, block.seeds(variant))),
                }
            )
    counted = {"down": "Int64", "up": "Int64", "counted": "Int64"}
    return str(pd.DataFrame(rows).astype(counted).to_csv(index=False))


def detail_csv(blocks: Sequence[Block], *, resamples: int, seed: int) -> str:
    """A row a model, task, variant and language; fractions, differences to the baseline too."""
    rows = []
    for block in blocks:
        for variant in block.variants:
            for language in (block.source_language, *block.languages):
                own = block.values[variant].get(language, {})
                baseline = block.values.get(BASELINE, {}).get(language, {})
                compares = variant != BASELINE
                interval = (
                    paired_interval(own, baseline, resamples=resamples, seed=seed)
                    if compares
                    else None
                )
                rows.append(
                    {
                        "model": block.model,
                        "task": block.task,
                        "metric": block.metric,
                        "strategy": variant,
                        "language": language,
                        "mean": block.mean(variant, language),
                        "deviation": block.deviation(variant, language),
                        "difference": block.difference(variant, language) if compares else None,
                        "low": interval and interval.low,
                        "high": interval and interval.high,
                        "seeds": " ".join(map(str, sorted(own))),
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
