"""Scores against what guessing would get."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from alignfreeze.evaluation.scores import TaskResult
from alignfreeze.evaluation.taskdata import TaskData

FAR = 0.8
"""A score is far below chance if it is below so much of it ..."""

ERRORS = 3
"""... and by more than so many standard errors of guessing at as many examples."""


class Chance(NamedTuple):
    """What guessing gets, a fraction in [0, 1], and at how many examples."""

    level: float
    examples: int

    def is_far_above(self, value: float) -> bool:
        """Whether a score is so far below that guessing would hardly ever get it."""
        error = math.sqrt(self.level * (1 - self.level) / self.examples)
        return value < min(FAR * self.level, self.level - ERRORS * error)


def chances(data: TaskData) -> dict[str, Chance]:
    """What guessing gets in each language's test split; empty where the task cannot say."""
    found = {}
    for language in data.languages("test"):
        examples = data.examples(language, "test")
        level = data.task.chance(examples)
        if level is not None:
            found[language] = Chance(level, len(examples))
    return found


def below_chance(
    results: Iterable[TaskResult], levels: Mapping[str, Mapping[str, Chance]]
) -> list[str]:
    """What is to be said of scores that are far below chance, a line for each strategy and task.

    Args:
        results: The scores.
        levels: By task and language, what guessing gets.
    """
    lines = []
    for result in results:
        of_task = levels.get(result.task, {})
        low = [
            f"{score.language} {100 * score.value:.1f} (guessing: "
            f"{100 * of_task[score.language].level:.1f})"
            for score in result.scores
            if (score.split, score.metric) == ("test", result.metric)
            and score.language in of_task
            and of_task[score.language].is_far_above(score.value)
        ]
        if low:
            lines.append(
                f"{result.strategy}, {result.task}: {result.metric} far below chance: "
                f"{', '.join(low)}; do the labels mean the same in all files?"
            )
    return lines
