"""What one fine-tuned model gets right of a language and another does not, example by example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts import Outcomes, Parts, Said
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.evaluation.outcome_files import read_outcomes, read_parts
from alignfreeze.messages import listed, shown
from alignfreeze.report.prediction_runs import PredictedRun
from alignfreeze.tracking import names


class Table(NamedTuple):
    """How many examples are right, whole, of both models, of one of them, of neither."""

    both: int
    first_only: int
    second_only: int
    neither: int


class Difference(NamedTuple):
    """An example that two models say something else of; of one model, one that it has wrong.

    Attributes:
        example: Its number in the split's file, from 0.
        gain: How much more of it the first has right: units of the metric's numerator, such as
            words; of one model what it lacks, below 0.
        second: What the second says; ``None`` if there is none.
    """

    example: int
    gain: float
    gold: Said
    first: Said
    second: Said | None


@dataclass(frozen=True)
class SideBySide:
    """Two models on one language, or one against what is right.

    Attributes:
        names: What the models are called.
        values: The metric of each.
        table: Of two models, whose examples are right.
        p_value: McNemar's exact, where an example is right or wrong; else ``None``.
        gained: Sum over the examples of what the first has right beyond the second.
        lost: The other way round.
        differences: The greatest first; those of the same size in the order of the file.
    """

    task: str
    language: str
    metric: str
    names: Sequence[str]
    values: Sequence[float]
    table: Table | None
    p_value: float | None
    gained: float
    lost: float
    differences: Sequence[Difference]


def most_different(runs: Sequence[PredictedRun], metric: str) -> str:
    """The language with the largest difference in a metric; of one run, with the lowest value.

    Raises:
        DataError: If the metric has no parts, or the runs have no language in common.
    """
    found = [read_parts(run.path, metric) for run in runs]
    if not all(found):
        raise DataError(f"{shown(metric)} is not kept by example", file=runs[0].path)
    values = {
        language: [parts[language].value for parts in found]
        for language in found[0]
        if all(language in parts for parts in found)
    }
    if not values:
        raise DataError("the runs must have a language in common, have none", file=runs[0].path)
    if len(runs) == 1:
        return min(values, key=lambda language: values[language][0])
    return max(values, key=lambda language: abs(values[language][0] - values[language][1]))


def compare(runs: Sequence[PredictedRun], language: str = "", metric: str = "") -> SideBySide:
    """Set two fine-tunings side by side, or one beside what is right.

    Args:
        runs: One or two, of the same task.
        language: A language that they have; empty for `most_different`.
        metric: A metric that is kept by example; empty for the task's primary one.

    Raises:
        ConfigError: If there is no such language or metric.
        DataError: If the runs were tested on different examples, or a file is damaged.
    """
    metric = metric or runs[0].run.tags.get(names.METRIC, "")
    language = language or most_different(runs, metric)
    outcomes = [_outcomes(run, language) for run in runs]
    _check_same(runs, language, outcomes)
    for own in outcomes:
        if metric not in own.parts:
            known = listed([*own.parts]) or "none"
            raise ConfigError(f"metric must be one that is kept, {known}, got {shown(metric)}")
    parts = [own.parts[metric] for own in outcomes]
    gain = _gain(parts)
    table, p_value = (None, None) if len(runs) == 1 else (_table(parts), _p_value(parts))
    return SideBySide(
        task=runs[0].origin.task,
        language=language,
        metric=metric,
        names=[run.name for run in runs],
        values=[own.value for own in parts],
        table=table,
        p_value=p_value,
        gained=float(gain[gain > 0].sum()),
        lost=float(-gain[gain < 0].sum()),
        differences=[
            _difference(int(n), gain, outcomes)
            for n in np.argsort(-np.abs(gain), kind="stable")
            if gain[n]
        ],
    )


def _outcomes(run: PredictedRun, language: str) -> Outcomes:
    found = read_outcomes(run.path, [language])
    if language not in found:
        known = listed([*run.origin.digests])
        raise ConfigError(f"language must be one of run {run.name}, {known}, got {shown(language)}")
    return found[language]


def _check_same(runs: Sequence[PredictedRun], language: str, outcomes: Sequence[Outcomes]) -> None:
    digests = {run.origin.digests.get(language) for run in runs}
    if len(digests) > 1 or len({len(own) for own in outcomes}) > 1:
        told = " and ".join(run.run.run_id for run in runs)
        split = runs[0].origin.split
        raise DataError(f"runs {told} must have the same {split} file of {language}, have others")


def _gain(parts: Sequence[Parts]) -> NDArray[np.float64]:
    """How much more of each example the first has right; of one, what it lacks.

    In units of the numerator where the denominators are the same; else as ratios.
    """
    first = parts[0]
    numerator, denominator = parts[1] if len(parts) > 1 else Parts(first.denominator, first[1])
    if np.array_equal(first.denominator, denominator):
        return first.numerator - numerator
    return _ratio(first) - _ratio(Parts(numerator, denominator))


def _ratio(parts: Parts) -> NDArray[np.float64]:
    """The metric of each example alone; of nothing that could be wrong, 1."""
    whole = np.ones_like(parts.numerator)
    return np.divide(parts.numerator, parts.denominator, out=whole, where=parts.denominator > 0)


def _table(parts: Sequence[Parts]) -> Table:
    first, second = (own.numerator >= own.denominator for own in parts)
    cells = (first & second, first & ~second, ~first & second, ~first & ~second)
    return Table(*(int(cell.sum()) for cell in cells))


def _p_value(parts: Sequence[Parts]) -> float | None:
    """McNemar's exact p of two models whose examples are right or wrong (McNemar, 1947)."""
    if not all(np.isin(own.numerator, (0, 1)).all() for own in parts):
        return None
    if not all((own.denominator == 1).all() for own in parts):
        return None
    from statsmodels.stats.contingency_tables import mcnemar

    table = _table(parts)
    cells = [[table.both, table.first_only], [table.second_only, table.neither]]
    return float(mcnemar(cells, exact=True).pvalue)


def _difference(n: int, gain: NDArray[np.float64], outcomes: Sequence[Outcomes]) -> Difference:
    second = outcomes[1].predicted[n] if len(outcomes) > 1 else None
    own = outcomes[0]
    return Difference(n, float(gain[n]), own.gold[n], own.predicted[n], second)
