"""What the figures and the page of a study show, as numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alignfreeze.search.settings import HARMED, MEAN, WORST
from alignfreeze.search.trial_table import COMPLETE, StudyTable

TEMPERATURE = "temperature"

AXES: Mapping[str, str] = {
    MEAN: "mean of target languages",
    WORST: "worst target language",
    HARMED: "languages harmed",
}
"""Names of objectives on axes; another one is called what its column is."""

Floats = NDArray[np.float64]


class Surface(NamedTuple):
    """Scores between the trials, on a grid.

    Attributes:
        x: Of shape (columns,).
        y: Of shape (rows,).
        z: Of shape (rows, columns); NaN outside of the trials' convex hull.
    """

    x: Floats
    y: Floats
    z: Floats


@dataclass(frozen=True)
class LanguageMap:
    """How much each language gains at each boundary.

    Attributes:
        rows: Columns of the table's scores (``task/language``): a task after the other, in a
            task by the best boundary, lowest first, then by name; last what has no score.
        boundaries: Layers, all from 0 to the encoder's number of layers.
        gains: Points, of shape (rows, boundaries): the best score of a complete trial there,
            less the language's reference; NaN where there is none.
        best: Of each row, the boundary of its greatest gain, the lowest of several; None where
            there is no score.
    """

    rows: Sequence[str]
    boundaries: Sequence[int]
    gains: Floats
    best: Sequence[int | None]

    def blocks(self) -> dict[str, list[int]]:
        """Numbers of the rows of each task."""
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.rpartition("/")[0], []).append(number)
        return found


def complete_trials(table: StudyTable) -> pd.DataFrame:
    """The complete trials that have a first objective."""
    trials = table.trials
    if trials.empty:
        # Which columns there are is not known without a trial.
        return trials
    return trials[(trials["state"] == COMPLETE) & trials[table.objectives[0]].notna()]


def numbers(trials: pd.DataFrame, column: str) -> Floats:
    """A column as floats; NaN for what is missing."""
    return np.asarray(pd.to_numeric(trials[column]), dtype=np.float64)


def percentages(trials: pd.DataFrame, table: StudyTable) -> Floats:
    """The first objective of some trials, in percent."""
    return 100 * numbers(trials, table.objectives[0])


def objective_name(objective: str) -> str:
    """What an objective is called on an axis, without its unit."""
    return AXES.get(objective, objective)


def metric_names(table: StudyTable) -> str:
    """What is scored: ``pos accuracy, qa f1``; empty where it is not known."""
    return ", ".join(f"{task} {metric}" for task, metric in table.metrics.items())


def score_name(table: StudyTable) -> str:
    """What the first objective is called on an axis, without its unit.

    With the metric of one task; those of several are too long, see `subtitle`.
    """
    name = objective_name(table.objectives[0])
    if not table.metrics:
        return name
    return f"{name}, {'mean over tasks' if len(table.metrics) > 1 else metric_names(table)}"


def subtitle(table: StudyTable) -> str:
    """The metrics that axes do not name: those of several tasks."""
    return metric_names(table) if len(table.metrics) > 1 else ""


def running_best(values: Floats) -> Floats:
    """The greatest of each value and those before it."""
    return np.maximum.accumulate(values)


def baseline_percentage(table: StudyTable) -> float | None:
    """The baseline in terms of the first objective, in percent; None where it is not known."""
    return None if table.baseline_objective is None else 100 * table.baseline_objective


def varies(trials: pd.DataFrame, column: str) -> bool:
    """Whether there are several values in a column, which may be missing."""
    return column in trials and trials[column].nunique() > 1


def boundary_panels(table: StudyTable) -> dict[str, pd.DataFrame]:
    """The complete trials that have each of the boundaries; none without a trial."""
    trials = complete_trials(table)
    panels = {column: trials[trials[column].notna()] for column in table.boundaries}
    return {column: own for column, own in panels.items() if len(own)}


def contour_panels(table: StudyTable) -> dict[tuple[str, str], pd.DataFrame]:
    """The complete trials that have both of two parameters, by these, the horizontal one first.

    Each boundary is taken with the temperature. Where there is none, or the temperature does not
    vary, it is the most important two numeric parameters that vary among trials that have both;
    without importances, the first two.
    """
    boundaries = boundary_panels(table)
    if boundaries and varies(complete_trials(table), TEMPERATURE):
        return {
            (column, TEMPERATURE): trials[trials[TEMPERATURE].notna()]
            for column, trials in boundaries.items()
            if trials[TEMPERATURE].notna().any()
        }
    trials = complete_trials(table)
    numeric = [name for name in table.parameters if _is_numeric(trials[name])]
    numeric.sort(key=lambda name: -table.importances.get(name, 0))
    for x, y in combinations(numeric, 2):
        own = trials[trials[x].notna() & trials[y].notna()]
        if varies(own, x) and varies(own, y):
            return {(x, y): own}
    return {}


def left_out(table: StudyTable, panels: Iterable[pd.DataFrame]) -> str:
    """How many complete trials no panel has, and how good they are; empty where all are there."""
    shown = {number for trials in panels for number in trials["trial"]}
    missing = ranked(table)
    missing = missing[~missing["trial"].isin(shown)]
    if missing.empty:
        return ""
    score = f"{percentages(missing, table)[0]:.1f}"
    what = "a complete trial" if len(missing) == 1 else f"{len(missing)} complete trials"
    best = f"the best, {missing['trial'].iloc[0]}, has {score}"
    return f"not shown: {what} without such a parameter; {best}"


def _is_numeric(column: "pd.Series[Any]") -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def surface(
    x: Floats, y: Floats, z: Floats, *, logarithmic: tuple[bool, bool], resolution: int
) -> Surface | None:
    """Interpolate linearly between points, by a Delaunay triangulation.

    Both axes count alike in it, each from its least to its greatest value. Of points in one
    place the mean is taken.

    Args:
        x: Of shape (points,), like y and z.
        y: See x.
        z: The value at each point.
        logarithmic: Whether x and y, which then are > 0, count by their logarithm.
        resolution: Rows and columns of the grid.

    Returns:
        None where fewer than three points, or none off a line, leave nothing to interpolate.
    """
    from matplotlib.tri import LinearTriInterpolator, Triangulation

    places = np.column_stack(
        [np.log(v) if log else v for v, log in zip((x, y), logarithmic, strict=True)]
    )
    if not len(places) or not (span := np.ptp(places, axis=0)).all():
        return None
    low = places.min(axis=0)
    corners, inverse = np.unique((places - low) / span, axis=0, return_inverse=True)
    if np.linalg.matrix_rank(corners - corners[0], tol=1e-6) < 2:
        return None
    inverse = inverse.ravel()
    means = np.bincount(inverse, weights=z) / np.bincount(inverse)
    steps = np.linspace(0, 1, resolution)
    interpolate = LinearTriInterpolator(Triangulation(*corners.T), means)
    grid = interpolate(*np.meshgrid(steps, steps)).filled(np.nan)
    ticks = [low[axis] + span[axis] * steps for axis in (0, 1)]
    grid_x, grid_y = (np.exp(t) if log else t for t, log in zip(ticks, logarithmic, strict=True))
    return Surface(grid_x, grid_y, grid)


def language_map(table: StudyTable, column: str) -> LanguageMap:
    """The gain of each language at each value of a boundary.

    The reference is the baseline where all of the scores have one (see `reference_name`), else
    the language's mean over all complete trials.
    """
    trials = complete_trials(table)
    tried = numbers(trials, column)
    found = {int(value) for value in tried[~np.isnan(tried)]}
    boundaries = sorted(found | set(range(table.n_layers + 1)))
    gains = {}
    for name in table.scores:
        scores = numbers(trials, name)
        best = [_greatest(scores[tried == boundary]) for boundary in boundaries]
        gains[name] = 100 * (np.array(best) - _reference(table, name, scores))
    bests = {
        name: boundaries[int(np.nanargmax(gain))] if np.isfinite(gain).any() else None
        for name, gain in gains.items()
    }
    tasks = list(dict.fromkeys(name.rpartition("/")[0] for name in table.scores))
    rows = sorted(table.scores, key=lambda name: _order(tasks, name, bests[name]))
    matrix = np.array([gains[name] for name in rows]).reshape(len(rows), len(boundaries))
    return LanguageMap(rows, boundaries, matrix, [bests[name] for name in rows])


def reference_name(table: StudyTable) -> str:
    """What the gains of `language_map` are counted from."""
    return "the baseline" if _has_baseline(table) else "the language's mean over trials"


def _has_baseline(table: StudyTable) -> bool:
    return all(name in table.baseline for name in table.scores)


def _reference(table: StudyTable, name: str, scores: Floats) -> float:
    if _has_baseline(table):
        return table.baseline[name].mean
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if len(known) else np.nan


def _greatest(values: Floats) -> float:
    """NaN where there is none."""
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else np.nan


def _order(tasks: Sequence[str], name: str, best: int | None) -> tuple[int, bool, int, str]:
    return tasks.index(name.rpartition("/")[0]), best is None, best or 0, name


def colour_limit(maps: Sequence[LanguageMap]) -> float:
    """The gain, in points, at the ends of a colour scale: no less than 0.1.

    One of ten gains may be greater, so that a boundary that ruins all does not fade the others.
    """
    known = np.concatenate([m.gains[np.isfinite(m.gains)] for m in maps])
    return max(0.1, float(np.percentile(np.abs(known), 90))) if len(known) else 0.1


def pareto_trials(table: StudyTable) -> pd.DataFrame:
    """The complete trials that have both objectives; none where there is but one objective."""
    trials = complete_trials(table)
    if len(table.objectives) < 2:
        return trials[:0]
    return trials[trials[table.objectives[1]].notna()]


def pareto_front(table: StudyTable) -> pd.DataFrame:
    """The trials of the front, the least second objective first."""
    trials = pareto_trials(table)
    first, second = table.objectives
    return trials[trials["trial"].isin(table.best)].sort_values([second, first, "trial"])


def ranked(table: StudyTable) -> pd.DataFrame:
    """The complete trials, the best first."""
    ascending = [False, True][: len(table.objectives)]
    return complete_trials(table).sort_values(
        [*table.objectives, "trial"], ascending=[*ascending, True]
    )


def describe(trial: Mapping[Any, Any], table: StudyTable) -> dict[str, str]:
    """A trial's number, objectives and parameters as text; without what it does not have."""
    score, *counts = table.objectives
    columns = ["trial", score, *counts, *table.parameters]
    texts = {name: format_value(trial[name]) for name in columns if not pd.isna(trial[name])}
    if score in texts:
        texts[score] = f"{100 * float(trial[score]):.2f} %"
    return texts


def format_value(value: object) -> str:
    """A parameter as text; numbers with four digits, whole ones with all."""
    if isinstance(value, float | np.floating):
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"
    return str(value)


def padded(values: Floats, *, bottom: float, top: float) -> tuple[float, float]:
    """Ends of an axis with room beside some values, as fractions of their range, at least 0.5."""
    spread = max(float(np.ptp(values)), 0.5)
    return float(values.min()) - bottom * spread, float(values.max()) + top * spread


def log_ticks(low: float, high: float) -> list[float]:
    """Round values in [low, high], which are > 0: 1, 2 and 5 times powers of ten; else the ends."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) > 1 else sorted({low, high})


def layer_ticks(n_layers: int) -> list[int]:
    """Boundaries that are labelled: all up to 12 layers, every other one above."""
    return list(range(0, n_layers + 1, 1 if n_layers <= 12 else 2))
