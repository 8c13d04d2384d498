"""What a search maximises and minimises, from scores on the validation split."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean, mean, stdev  # exact: equal scores have an equal mean
from typing import NamedTuple

from alignfreeze.contracts import Split
from alignfreeze.errors import ConfigError
from alignfreeze.evaluate import Score
from alignfreeze.search.settings import HARMED, WORST, SearchConfig
from alignfreeze.search.tabulation import Level
from alignfreeze.taskdata import TaskData


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


def validation_values(
    results: Iterable[TaskScores], tasks: Sequence[TaskData], source_language: str
) -> dict[Key, float]:
    """Each task's primary metric on validation, by target language; means over seeds."""
    metrics = {data.name: data.task.primary_metric for data in tasks}
    values: dict[Key, list[float]] = {}
    for result in results:
        for score in result.scores:
            wanted = ("validation", metrics[result.task])
            if (score.split, score.metric) == wanted and score.language != source_language:
                values.setdefault(Key(result.task, score.language), []).append(score.value)
    return {key: mean(found) for key, found in values.items()}


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
    """The same values of a baseline, and how much they differ from seed to seed.

    Args:
        results: Of the seeds that are done.
        tasks: The tasks.
        source_language: It is left out.
        seeds: Those of what is compared with the baseline: means are over them.
        deviation_seeds: Those that standard deviations (with ``n - 1``) are over.

    Returns:
        Nothing while a seed is missing, since other seeds' means would not compare.
    """
    by_seed: dict[int, list[TaskScores]] = {}
    for result in results:
        by_seed.setdefault(result.seed, []).append(result)
    if not by_seed.keys() >= {*seeds, *deviation_seeds}:
        return {}
    own = [result for seed in seeds for result in by_seed[seed]]
    spread = [validation_values(by_seed[s], tasks, source_language) for s in deviation_seeds]
    return {
        key: Level(value, stdev(v[key] for v in spread) if len(spread) > 1 else 0.0)
        for key, value in validation_values(own, tasks, source_language).items()
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


def harmed(values: Mapping[Key, float], baseline: Mapping[Key, Level]) -> int:
    """How many values lie more than a standard deviation below the baseline of their seeds."""
    return sum(v < baseline[key].mean - baseline[key].deviation for key, v in values.items())


def objectives(
    values: Mapping[Key, float], baseline: Mapping[Key, Level], settings: SearchConfig
) -> list[float]:
    """A trial's objectives, in the order of ``settings.objectives``."""
    first = aggregate(values, settings)
    return [first, harmed(values, baseline)] if HARMED in settings.objectives else [first]


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
