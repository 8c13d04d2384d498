"""What a search maximises and minimises, from scores on the validation split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, mean  # exact: equal scores have an equal mean
from typing import NamedTuple

from alignfreeze.contracts import Split
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.scores import Score
from alignfreeze.evaluation.statistics import side_of
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.search.settings import HARMED, WORST, SearchConfig


class Key(NamedTuple):
    """What an objective counts: one target language of one task."""

    task: str
    language: str

    def __str__(self) -> str:
        """``task/language``, the name of a column."""
        return f"{self.task}/{self.language}"


class TaskScores(NamedTuple):
    """All scores of one task and seed."""

    task: str
    seed: int
    scores: Sequence[Score]


class Level(NamedTuple):
    """The baseline's scores of a language: of the seeds of trials, and of those of tests."""

    scores: Sequence[float]
    spread: Sequence[float]


@dataclass(frozen=True)
class Objective:
    """The objectives of a search: of each task, the primary metric of its target languages."""

    tasks: Sequence[TaskData]
    source_language: str
    settings: SearchConfig

    @cached_property
    def metrics(self) -> dict[str, str]:
        """The primary metric, by task."""
        return {data.name: data.task.primary_metric for data in self.tasks}

    def check(self) -> None:
        """Check that there is something to select on.

        Raises:
            ConfigError: If a task has no target language with a validation split, or a weight is
                of no language that one has.
        """
        found: set[str] = set()
        for data in self.tasks:
            own = set(data.languages("validation")) - {self.source_language}
            if not own:
                raise ConfigError(
                    f"task {data.name!r}: a search selects on validation, and no target language "
                    "has a validation split"
                )
            found |= own
        if unknown := sorted(set(self.settings.weights) - found):
            raise ConfigError(
                f"weights must be of languages with a validation split, {' '.join(sorted(found))}, "
                f"got {unknown[0]!r}"
            )

    def scores(self, results: Iterable[TaskScores]) -> dict[Key, list[float]]:
        """What counts of some results; a score a seed."""
        values: dict[Key, list[float]] = {}
        for task, _, scores in results:
            for score in scores:
                wanted = ("validation", self.metrics[task])
                if (score.split, score.metric) == wanted and score.language != self.source_language:
                    values.setdefault(Key(task, score.language), []).append(score.value)
        return values

    def means(self, results: Iterable[TaskScores]) -> dict[Key, float]:
        """The means over seeds of the same scores."""
        return {key: mean(found) for key, found in self.scores(results).items()}

    def levels(self, results: Sequence[TaskScores]) -> dict[Key, Level]:
        """The same scores of a baseline, and those that say how much seeds differ.

        Returns:
            Nothing while a seed is missing, since other seeds' means would not compare.
        """
        compared, tested = self.settings.search_seeds, self.settings.final_seeds
        if not {result.seed for result in results} >= {*compared, *tested}:
            return {}
        own, spread = (
            self.scores(result for seed in seeds for result in results if result.seed == seed)
            for seeds in (compared, tested)
        )
        return {key: Level(scores, spread[key]) for key, scores in own.items()}

    def first(self, means: Mapping[Key, float]) -> float:
        """The first objective: the mean over tasks of the (weighted) mean, or worst, language."""
        by_task: dict[str, dict[str, float]] = {}
        for (task, language), value in means.items():
            by_task.setdefault(task, {})[language] = value
        if self.settings.objectives[0] == WORST:
            return mean(min(values.values()) for values in by_task.values())
        weights = self.settings.weights
        return mean(
            fmean(values.values(), [weights.get(language, 1.0) for language in values])
            for values in by_task.values()
        )

    def values(self, results: Sequence[TaskScores], baseline: Mapping[Key, Level]) -> list[float]:
        """A trial's objectives, in the order of ``settings.objectives``.

        The baseline is asked for with two of them alone.
        """
        first = self.first(self.means(results))
        two = HARMED in self.settings.objectives
        return [first, harmed(self.scores(results), baseline)] if two else [first]


def harmed(scores: Mapping[Key, Sequence[float]], baseline: Mapping[Key, Level]) -> int:
    """How many means lie more than a standard deviation below the baseline of their seeds."""
    both = ((own, baseline[key]) for key, own in scores.items())
    return sum(side_of(own, level.scores, level.spread) < 0 for own, level in both)


def mean_scores(seeds: Sequence[Sequence[Score]]) -> list[Score]:
    """The mean of each score over seeds, all of which have the same ones."""
    values: dict[tuple[str, Split, str], list[float]] = {}
    for language, split, metric, value in (score for scores in seeds for score in scores):
        values.setdefault((language, split, metric), []).append(value)
    return [Score(*key, mean(found)) for key, found in values.items()]
