"""What a search maximises and minimises, from scores on the validation split."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean, mean  # exact: equal scores have an equal mean
from typing import NamedTuple

from alignfreeze.contracts import Split
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.scores import Score
from alignfreeze.evaluation.statistics import side_of
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.search.settings import HARMED, WORST, SearchConfig
from alignfreeze.search.trial_table import Level


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


def validation_scores(
    results: Iterable[TaskScores], tasks: Sequence[TaskData], source_language: str
) -> dict[Key, list[float]]:
    """Each task's primary metric on validation, by target language; a score a seed."""
    metrics = {data.name: data.task.primary_metric for data in tasks}
    values: dict[Key, list[float]] = {}
    for result in results:
        for score in result.scores:
            wanted = ("validation", metrics[result.task])
            if (score.split, score.metric) == wanted and score.language != source_language:
                values.setdefault(Key(result.task, score.language), []).append(score.value)
    return values


def validation_values(
    results: Iterable[TaskScores], tasks: Sequence[TaskData], source_language: str
) -> dict[Key, float]:
    """The means over seeds of the same scores."""
    scores = validation_scores(results, tasks, source_language)
    return {key: mean(found) for key, found in scores.items()}


def mean_scores(seeds: Sequence[Sequence[Score]]) -> list[Score]:
    """The mean of each score over seeds, all of which have the same ones."""
    values: dict[tuple[str, Split, str], list[float]] = {}
    for language, split, metric, value in (score for scores in seeds for score in scores):
        values.setdefault((language, split, metric), []).append(value)
    return [Score(*key, mean(found)) for key, found in values.items()]


def levels(
    results: Iterable[TaskScores],
    tasks: Sequence[TaskData],
    source_language: str,
    *,
    seeds: Collection[int],
    deviation_seeds: Collection[int],
) -> dict[Key, Level]:
    """The same scores of a baseline, and those that say how much seeds differ.

    Args:
        results: Of the seeds that are done.
        tasks: The tasks.
        source_language: It is left out.
        seeds: Those of what is compared with the baseline: means are over them.
        deviation_seeds: Those that standard deviations are over.

    Returns:
        Nothing while a seed is missing, since other seeds' means would not compare.
    """
    by_seed: dict[int, list[TaskScores]] = {}
    for result in results:
        by_seed.setdefault(result.seed, []).append(result)
    if not by_seed.keys() >= {*seeds, *deviation_seeds}:
        return {}
    own = [result for seed in seeds for result in by_seed[seed]]
    others = [result for seed in deviation_seeds for result in by_seed[seed]]
    spread = validation_scores(others, tasks, source_language)
    return {
        key: Level(scores, spread[key])
        for key, scores in validation_scores(own, tasks, source_language).items()
    }


def aggregate(values: Mapping[Key, float], settings: SearchConfig) -> float:
    """The first objective: the mean over tasks of the (weighted) mean, or worst, language."""
    by_task: dict[str, dict[str, float]] = {}
    for key, value in values.items():
        by_task.setdefault(key.task, {})[key.language] = value
    return mean(_of_task(languages, settings) for languages in by_task.values())


def _of_task(values: Mapping[str, float], settings: SearchConfig) -> float:
    if settings.objectives[0] == WORST:
        return min(values.values())
    weights = [settings.weights.get(language, 1.0) for language in values]
    return fmean(values.values(), weights)


def harmed(scores: Mapping[Key, Sequence[float]], baseline: Mapping[Key, Level]) -> int:
    """How many means lie more than a standard deviation below the baseline of their seeds."""
    both = ((own, baseline[key]) for key, own in scores.items())
    return sum(side_of(own, level.scores, level.spread) < 0 for own, level in both)


def objectives(
    scores: Mapping[Key, Sequence[float]], baseline: Mapping[Key, Level], settings: SearchConfig
) -> list[float]:
    """A trial's objectives, in the order of ``settings.objectives``.

    Args:
        scores: Of the trial, a score a seed (see `validation_scores`).
        baseline: Asked for with two objectives alone.
        settings: The objectives.
    """
    first = aggregate({key: mean(own) for key, own in scores.items()}, settings)
    return [first, harmed(scores, baseline)] if HARMED in settings.objectives else [first]


def check_objective(
    tasks: Sequence[TaskData], source_language: str, settings: SearchConfig
) -> None:
    """Check that there is something to select on, and that weights are of languages it has.

    Raises:
        ConfigError: If a task has no target language with a validation split, or a weight is
            of no language that one has.
    """
    found: set[str] = set()
    for data in tasks:
        own = set(data.languages("validation")) - {source_language}
        if not own:
            raise ConfigError(
                f"task {data.name!r}: a search selects on validation, and no target language has "
                "a validation split"
            )
        found |= own
    if unknown := sorted(set(settings.weights) - found):
        raise ConfigError(
            f"weights must be of languages with a validation split, {' '.join(sorted(found))}, "
            f"got {unknown[0]!r}"
        )
