"""Scores, and their table of comma-separated values: the artifact that other tools read."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

import numpy as np
import pandas as pd

from alignfreeze.contracts import Feature, Outcomes, Split
from alignfreeze.errors import DataError

R = TypeVar("R", bound=NamedTuple)


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


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation comes to.

    Attributes:
        scores: All of them.
        outcomes: By split and language what came of each example; empty where that is not asked
            for, or the task does not tell it.
    """

    scores: Sequence[Score]
    outcomes: Mapping[Split, Mapping[str, Outcomes]] = field(default_factory=dict)


def target_means(scores: Iterable[Score], source_language: str) -> dict[tuple[Split, str], float]:
    """The mean of each split's metric over the target languages, the source language left out.

    A metric that some of them lack has none: it would be of other languages than the others' are.
    """
    values: dict[tuple[Split, str], list[float]] = {}
    languages: dict[Split, set[str]] = {}
    for score in scores:
        if score.language != source_language:
            values.setdefault((score.split, score.metric), []).append(score.value)
            languages.setdefault(score.split, set()).add(score.language)
    return {
        key: float(np.mean(found))
        for key, found in values.items()
        if len(found) == len(languages[key[0]])
    }


RESULTS_FILE = "results.csv"


def rows_to_csv(rows: Sequence[R], kind: type[R]) -> str:
    """Named tuples, whose fields are the columns, as text; numbers with all of their digits."""
    return str(pd.DataFrame(rows, columns=list(kind._fields)).to_csv(index=False))


def rows_from_csv(file: Path, kind: type[R]) -> list[R]:
    """What `rows_to_csv` wrote.

    ``no`` is a language, not a missing value, and a number gives back its last bit, as pandas' own
    reading would not.

    Raises:
        DataError: If it is no such table, or no longer whole; has a row twice, or a number that is
            none.
    """
    types = [hint if hint in (int, float) else str for hint in get_type_hints(kind).values()]
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        if (columns := tuple(table.columns)) != kind._fields:
            expected = ",".join(kind._fields)
            raise ValueError(f"its columns must be {expected}, got {','.join(columns)}")
        rows = [
            kind._make(t(v) for t, v in zip(types, row, strict=True))
            for row in table.itertuples(index=False)
        ]
        _check_rows(rows)
    except (ValueError, OSError) as error:  # pandas' own are ValueErrors too
        raise DataError(f"must be a table of scores: {error}", file=file) from None
    return rows


def _check_rows(rows: Sequence[NamedTuple]) -> None:
    """Check that numbers are finite, and nothing is told twice: all but the last column differ."""
    known = set()
    for row in rows:
        if not all(math.isfinite(part) for part in row if isinstance(part, float)):
            raise ValueError(f"numbers must be finite, got {','.join(map(str, row))}")
        if row[:-1] in known:
            raise ValueError(f"it has two rows of {','.join(map(str, row[:-1]))}")
        known.add(row[:-1])


@dataclass(frozen=True)
class TaskResult:
    """The scores of one strategy on one task: all languages, splits and metrics.

    Tables show ``metric``; ``note`` is what their reader has to know of it, if anything.
    """

    strategy: str
    task: str
    metric: str
    scores: Sequence[Score]
    note: str = ""
