"""Scores as a table of comma-separated values: the artifact that other tools read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from alignfreeze.errors import DataError
from alignfreeze.evaluate import Score

RESULTS_FILE = "results.csv"


def scores_to_csv(scores: Sequence[Score]) -> str:
    """Columns language, split, metric, value; values with all of their digits."""
    return str(pd.DataFrame(scores, columns=list(Score._fields)).to_csv(index=False))


def scores_from_csv(file: Path) -> list[Score]:
    """What `scores_to_csv` wrote.

    Everything is read as text first: ``no`` is a language, not a missing value, and Python's own
    reading of a number gives back the last bit.

    Raises:
        DataError: If it is no such table, or no longer whole.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        rows = table.itertuples(index=False)
        return [Score(language, split, metric, float(v)) for language, split, metric, v in rows]
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
