"""A study as a table: what its file, its figures and its page are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

import pandas as pd

COMPLETE = "complete"
PRUNED = "pruned"
FAILED = "failed"


@dataclass(frozen=True)
class Level:
    """The baseline's scores of a language.

    Attributes:
        scores: Of the seeds of what it is compared with.
        spread: Of the seeds that are tested.
    """

    scores: Sequence[float]
    spread: Sequence[float]

    @property
    def mean(self) -> float:
        """Over the seeds of what it is compared with."""
        return mean(self.scores)

    @property
    def deviation(self) -> float:
        """Over the seeds that are tested (``n - 1``); 0 for one."""
        return stdev(self.spread) if len(self.spread) > 1 else 0.0


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
        objectives: Columns: the first is a fraction in [0, 1] to be maximised, the second, if
            there is one, a count to be minimised.
        parameters: Columns of what was searched, such as ``strategy``, ``front.boundary``,
            ``temperature``.
        boundaries: Those of ``parameters`` that count layers.
        logarithmic: Those of ``parameters`` that were drawn on a logarithmic scale.
        scores: Columns, one a task and target language, named ``task/language``: the primary
            metric on validation, a fraction in [0, 1].
        best: Numbers of the best trial, or of the trials of the Pareto front, the one with the
            highest first objective first; empty while no trial is complete.
        importances: Of the parameters, fractions that sum to 1, the greatest first; empty where
            there are too few trials to tell.
        baseline: With the seeds of the trials, by column of ``scores``; empty where none was run.
        baseline_objective: Its first objective; None where no baseline was run.
        n_layers: Of the encoder.
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
    baseline: Mapping[str, Level] = field(default_factory=dict)
    baseline_objective: float | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    metric_notes: Sequence[str] = ()
    test_notes: Sequence[str] = ()
