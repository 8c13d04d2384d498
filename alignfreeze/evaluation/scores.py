"""Scores, and their table of comma-separated values: the artifact that other tools read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from alignfreeze.contracts import Feature, Split
from alignfreeze.errors import DataError


class Score(NamedTuple):
    """One metric of one language on one split, a fraction in [0, 1]."""

    language: str
    split: Split
    metric: str
    value: float


@dataclass(frozen=True)
class EvaluationSet:
    """The examples of one split in one language, read and tokenized."""

    language: str
    split: Split
    examples: Sequence[Any]
    features: Sequence[Feature]

    def first(self, count: int) -> "EvaluationSet":
        """At most so many of its examples, from the beginning."""
        features = [feature for feature in self.features if feature.example < count]
        return replace(self, examples=self.examples[:count], features=features)


def target_means(scores: Iterable[Score], source_language: str) -> dict[tuple[Split, str], float]:
    """The mean of each split's metric over the target languages, the source language left out."""
    values: dict[tuple[Split, str], list[float]] = {}
    for score in scores:
        if score.language != source_language:
            values.setdefault((score.split, score.metric), []).append(score.value)
    return {key: float(np.mean(found)) for key, found in values.items()}


RESULTS_FILE = "results.csv"


def scores_to_csv(scores: Sequence[Score]) -> str:
    """Columns language, split, metric, value; values with all of their digits."""
    return rows_to_csv(scores, Score._fields)


def rows_to_csv(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> str:
    """A table of comma-separated values, numbers with all of their digits."""
    return str(pd.DataFrame(rows, columns=list(columns)).to_csv(index=False))


def rows_from_csv(file: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of such a table, as text.

    ``no`` is a language, not a missing value, and Python's own reading of a number gives back the
    last bit.

    Raises:
        ValueError: If it is no such table.
    """
    return iter(pd.read_csv(file, dtype=str, keep_default_na=False).itertuples(index=False))


def scores_from_csv(file: Path) -> list[Score]:
    """What `scores_to_csv` wrote.

    Raises:
        DataError: If it is no such table, or no longer whole.
    """
    try:
        rows = rows_from_csv(file)
        return [Score(code, split, metric, float(v)) for code, split, metric, v in rows]
    except ValueError as error:  # pandas' own are ValueErrors too
        reason = " ".join(str(error).split())
        raise DataError(f"must be a table of scores: {reason}", file=file) from None


@dataclass(frozen=True)
class TaskResult:
    """The scores of one strategy on one task.

    Attributes:
        strategy: The strategy's name.
        task: The task's name.
        metric: The metric that tables show.
        scores: All languages, splits and metrics.
        note: What the reader of a table has to know of the metric; empty where it is plain.
    """

    strategy: str
    task: str
    metric: str
    scores: Sequence[Score]
    note: str = ""
