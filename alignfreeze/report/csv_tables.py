"""A report's numbers with all of their digits, as comma-separated values."""

from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

import pandas as pd

from alignfreeze.report.comparison import SeedInterval
from alignfreeze.report.counting import Rule
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.summary import all_counts


def summary_csv(tables: Sequence[ScoreTable], rule: Rule, interval: SeedInterval) -> str:
    """A row a model, task and variant: means as fractions, counts, seeds and languages.

    The difference is over the languages in ``compared`` and the seeds in ``paired``; columns that
    begin with ``source_`` are of the source language.
    """
    counts = all_counts(tables, rule)
    rows = []
    for table, variant in _rows(tables):
        found = counts.get((table.model, table.task, variant))
        paired = table.shown_differences(variant)
        source = _values(table, variant, table.source_language, interval)
        rows.append(
            {
                **_key(table, variant),
                **_values(table, variant, None, interval),
                "compared": " ".join(table.comparison(variant).languages) if paired else "",
                "paired": _listed(paired),
                "source_language": table.source_language,
                **{f"source_{name}": value for name, value in source.items()},
                "down": found and found.down,
                "up": found and found.up,
                "counted": found and found.languages,
                "languages": len({language for language, _ in table.scored(variant)}),
                "seeds": _listed(table.seeds(variant)),
            }
        )
    counted = {"down": "Int64", "up": "Int64", "counted": "Int64"}
    return str(pd.DataFrame(rows).astype(counted).to_csv(index=False))


def detail_csv(tables: Sequence[ScoreTable], interval: SeedInterval) -> str:
    """A row a model, task, variant and language; fractions, differences to the baseline too."""
    rows = [
        {
            **_key(table, variant),
            "language": language,
            "role": "source" if language == table.source_language else "target",
            **_values(table, variant, language, interval),
            "seeds": _listed(sorted(table.scores(variant, language))),
            "paired": _listed(table.shown_differences(variant, language)),
        }
        for table, variant in _rows(tables)
        for language in (table.source_language, *table.languages)
    ]
    return str(pd.DataFrame(rows).to_csv(index=False))


def scores_csv(tables: Sequence[ScoreTable]) -> str:
    """A row a score: what all else is computed from."""
    rows = [
        {**_key(table, variant), "language": language, "seed": seed, "value": value}
        for table, variant in _rows(tables)
        for language, seeds in table.values[variant].items()
        for seed, value in sorted(seeds.items())
    ]
    return str(pd.DataFrame(rows).to_csv(index=False))


def _rows(tables: Sequence[ScoreTable]) -> list[tuple[ScoreTable, str]]:
    return [(table, variant) for table in tables for variant in table.variants]


def _key(table: ScoreTable, variant: str) -> dict[str, str]:
    """The columns that say what a row is of."""
    names = ("model", "task", "metric", "strategy")
    return dict(zip(names, (table.model, table.task, table.metric, variant), strict=True))


def _values(
    table: ScoreTable, variant: str, language: str | None, interval: SeedInterval
) -> dict[str, Any]:
    """Columns of a mean, and of its difference to the baseline with its interval."""
    differences = table.shown_differences(variant, language)
    ends = interval(differences)
    return {
        "mean": table.mean(variant, language),
        "deviation": table.deviation(variant, language),
        "difference": mean(differences.values()) if differences else None,
        "low": ends and ends.low,
        "high": ends and ends.high,
    }


def _listed(seeds: Iterable[int]) -> str:
    return " ".join(map(str, seeds))
