"""A study as a table: what its file, its figures and its page are made from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alignfreeze.search.settings import HARMED, MEAN, WORST

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"

NAMES: Mapping[str, str] = {
    MEAN: "mean of target languages",
    WORST: "worst target language",
    HARMED: "languages harmed",
}
"""What objectives are called for a person; another one is called what its column is."""

Floats = NDArray[np.float64]


def numbers(trials: pd.DataFrame, column: str) -> Floats:
    """A column as floats; NaN for what is missing."""
    return np.asarray(pd.to_numeric(trials[column]), dtype=np.float64)


def varies(trials: pd.DataFrame, column: str) -> bool:
    """Whether there are several values in a column, which may be missing."""
    return column in trials and trials[column].nunique() > 1


@dataclass(frozen=True)
class StudyTable:
    """The finished trials of a study.

    Attributes:
        title: The study's name and the model's, for figures.
        trials: A row for each finished trial, in order of its number. Columns: ``trial`` (int),
            ``state`` (`COMPLETE`, `PRUNED` or `FAILED`), those of ``objectives``, of
            ``parameters`` and of ``scores``, and ``seconds``, ``pruned_step``, ``run_id``,
            ``problem``. What a trial does not have is NaN (numbers) or None: a pruned trial has
            no objective and no score, and one of ``front`` has no ``back.boundary``.
        objectives: Columns: a fraction in [0, 1] to be maximised, then, if there is one, a count
            to be minimised.
        parameters: Columns of what was searched, such as ``strategy`` or ``front.boundary``.
        boundaries: Those of ``parameters`` that count layers.
        logarithmic: Those of ``parameters`` that were drawn on a logarithmic scale.
        scores: Columns named ``task/language``, one a task and target language: the primary
            metric on validation, a fraction in [0, 1].
        best: Numbers of the best trial, or of the trials of the Pareto front, the one with the
            highest first objective first.
        n_layers: Of the encoder.
        importances: Of the parameters, fractions that sum to 1, the greatest first; empty where
            there are too few trials to tell.
        baseline: Its means over the seeds of the trials, by column of ``scores``.
        baseline_objective: Its first objective; None where no baseline was run.
        metrics: The primary metric, by task.
        metric_notes: What a reader has to know of the metrics, a line each.
        test_notes: What a reader has to know of the tests, a line each.
    """

    title: str
    trials: pd.DataFrame
    objectives: Sequence[str]
    parameters: Sequence[str]
    boundaries: Sequence[str]
    logarithmic: Sequence[str]
    scores: Sequence[str]
    best: Sequence[int]
    n_layers: int
    importances: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    baseline_objective: float | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    metric_notes: Sequence[str] = ()
    test_notes: Sequence[str] = ()

    @property
    def complete(self) -> pd.DataFrame:
        """The complete trials that have a first objective."""
        trials = self.trials
        if trials.empty:  # it has no columns then
            return trials
        return trials[(trials["state"] == COMPLETE) & trials[self.objectives[0]].notna()]

    @property
    def ranked(self) -> pd.DataFrame:
        """These, the best first."""
        ascending = [False, True][: len(self.objectives)]
        return self.complete.sort_values([*self.objectives, "trial"], ascending=[*ascending, True])

    @property
    def by_boundary(self) -> dict[str, pd.DataFrame]:
        """The complete trials that have each of the boundaries; none without a trial."""
        trials = self.complete
        panels = {column: trials[trials[column].notna()] for column in self.boundaries}
        return {column: own for column, own in panels.items() if len(own)}

    def percentages(self, trials: pd.DataFrame) -> Floats:
        """The first objective of some trials, in percent."""
        return 100 * numbers(trials, self.objectives[0])

    @property
    def metric_names(self) -> str:
        """What is scored: ``pos accuracy, qa f1``; empty where it is not known."""
        return ", ".join(f"{task} {metric}" for task, metric in self.metrics.items())

    @property
    def score_name(self) -> str:
        """What the first objective is called: with the metric of one task, those of several not."""
        name = NAMES.get(self.objectives[0], self.objectives[0])
        if not self.metrics:
            return name
        return f"{name}, {'mean over tasks' if len(self.metrics) > 1 else self.metric_names}"

    def left_out(self, panels: Iterable[pd.DataFrame]) -> str:
        """How many complete trials no panel has, and how good they are; empty where all are."""
        shown = {number for trials in panels for number in trials["trial"]}
        missing = self.ranked
        missing = missing[~missing["trial"].isin(shown)]
        if missing.empty:
            return ""
        score = f"{self.percentages(missing)[0]:.1f}"
        what = "a complete trial" if len(missing) == 1 else f"{len(missing)} complete trials"
        best = f"the best, {missing['trial'].iloc[0]}, has {score}"
        return f"not shown: {what} without such a parameter; {best}"
