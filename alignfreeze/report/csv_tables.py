"""A report's numbers with all of their digits, as comma-separated values."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from alignfreeze.base.tables import csv_text
from alignfreeze.report.counting import count
from alignfreeze.report.intervals import interval_of
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig


def summary_csv(tables: Sequence[ScoreTable], config: ReportConfig) -> str:
    """A row a model, task and variant: means as fractions, counts, seeds and languages.

    The difference is over the languages in ``compared`` and the seeds in ``paired``; columns that
    begin with ``source_`` are of the source language.
    """
    rows = []
    for table, variant, key in _variants(tables):
        counts = count(table, variant, config.counting, config.correction)
        comparison = table.comparison(variant)
        source = _values(table, variant, table.source_language, config)
        rows.append(
            {
                **key,
                "reference": table.reference,
                **_values(table, variant, None, config),
                "compared": " ".join(comparison.languages) if comparison.own else "",
                "paired": _listed(comparison.own),
                "source_language": table.source_language,
                **{f"source_{name}": value for name, value in source.items()},
                "down": counts and counts.down,
                "up": counts and counts.up,
                "counted": counts and counts.languages,
                "languages": len({language for language, _ in table.scored(variant)}),
                "seeds": _listed(table.seeds(variant)),
            }
        )
    counted = {"down": "Int64", "up": "Int64", "counted": "Int64"}
    return csv_text(pd.DataFrame(rows).astype(counted))


def detail_csv(tables: Sequence[ScoreTable], config: ReportConfig) -> str:
    """A row a model, task, variant and language; fractions, differences to the reference too."""
    rows = [
        {
            **key,
            "language": language,
            "role": "source" if language == table.source_language else "target",
            "reference": table.reference,
            **_values(table, variant, language, config),
            "seeds": _listed(sorted(table.scores(variant, language))),
            "paired": _listed(table.comparison(variant, language).own),
        }
        for table, variant, key in _variants(tables)
        for language in (table.source_language, *table.languages)
    ]
    return csv_text(pd.DataFrame(rows))


def scores_csv(tables: Sequence[ScoreTable]) -> str:
    """A row a score: what all else is computed from."""
    rows = [
        {**key, "language": language, "seed": seed, "value": value}
        for table, variant, key in _variants(tables)
        for language, seeds in table.values[variant].items()
        for seed, value in sorted(seeds.items())
    ]
    return csv_text(pd.DataFrame(rows))


def _variants(tables: Sequence[ScoreTable]) -> Iterator[tuple[ScoreTable, str, dict[str, str]]]:
    """All variants of all tables, with the columns that say what a row is of."""
    for table in tables:
        own = {"model": table.model, "task": table.task, "metric": table.metric}
        for variant in table.variants:
            named = {"strategy": variant, "differs_in": table.groups.get(variant, "")}
            yield table, variant, own | named


def _values(
    table: ScoreTable, variant: str, language: str | None, config: ReportConfig
) -> dict[str, Any]:
    """Columns of a mean, and of its difference to the reference with its interval."""
    comparison = table.comparison(variant, language)
    low, high = interval_of(table, variant, language, config) or (None, None)
    return {
        "mean": table.mean(variant, language),
        "deviation": table.deviation(variant, language),
        "difference": comparison.difference,
        "low": low,
        "high": high,
    }


def _listed(seeds: Iterable[int]) -> str:
    return " ".join(map(str, seeds))
