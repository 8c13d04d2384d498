"""In how many languages a strategy wins or loses against the baseline."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, pstdev
from typing import Literal, NamedTuple

from alignfreeze.base.tables import MISSING
from alignfreeze.config import BASELINE
from alignfreeze.evaluation.statistics import side_of
from alignfreeze.report.score_tables import ScoreTable

Rule = Literal["exact", "paper", "published"]

AVERAGED_TASK = "pos"
"""The task whose printed counts take the average over languages for one more language."""

SHORT_TASK, LEFT_OUT = "nli", "ru"
"""The task whose printed counts leave a language out, and that language."""

LEAST_SEEDS = {"exact": 2, "paper": 1, "published": 1}
"""Seeds of the baseline that a deviation takes."""


class Counts(NamedTuple):
    """Languages in which a strategy lies outside the baseline's deviation.

    Attributes:
        down: Languages whose mean over seeds lies below the baseline's by more than one of its
            standard deviations.
        up: Languages whose mean lies above it by more.
        languages: Languages that both have; the others cannot be counted.
    """

    down: int
    up: int
    languages: int

    def __add__(self, other: object) -> "Counts":
        """The sums."""
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class Scores(NamedTuple):
    """What one language is counted by, fractions: scores of the seeds that both have.

    ``spread`` are the baseline's of all its seeds, whose deviation a difference must exceed.
    """

    own: Sequence[float]
    baseline: Sequence[float]
    spread: Sequence[float]


def count(table: ScoreTable, variant: str, rule: Rule) -> Counts | None:
    """Count wins and losses of a variant, over the languages and seeds that both have.

    Args:
        table: The scores.
        variant: What is compared with the baseline.
        rule: ``exact``: means as they are, and the sample standard deviation (``n - 1``) of the
            baseline's seeds, compared as ratios of counts. ``paper``: the means, and the
            population deviation (``n``), in points rounded to 0.1 first, and compared as whole
            tenths. ``published``: how the printed counts came about: as ``paper``, but compared
            as sums of binary doubles; of part-of-speech tagging the average over languages counts
            as one more language, and of natural language inference Russian does not count.

    Returns:
        ``None`` where no language can be counted: no baseline, or too few of its seeds.
    """
    published = rule == "published"
    left_out = (LEFT_OUT,) if published and table.task == SHORT_TASK else ()
    languages = [language for language in table.languages if language not in left_out]
    found = [_scores(table, variant, language) for language in languages]
    if published and table.task == AVERAGED_TASK:
        found.append(_scores(table, variant, None))
    signs = [
        SIGNS[rule](scores)
        for scores in found
        if scores.own and len(scores.spread) >= LEAST_SEEDS[rule]
    ]
    return Counts(signs.count(-1), signs.count(1), len(signs)) if signs else None


def _scores(table: ScoreTable, variant: str, language: str | None) -> Scores:
    """Of a language, or of the average."""
    both = table.comparison(variant, language)
    spread = table.averages(BASELINE, both.languages) if both.languages else {}
    return Scores([*both.own.values()], [*both.baseline.values()], [*spread.values()])


def _exact(scores: Scores) -> int:
    """-1 below, 1 above the baseline by more than its deviation, 0 within."""
    return side_of(scores.own, scores.baseline, scores.spread)


def _paper(scores: Scores) -> int:
    """The same in whole tenths of a point, where equal is equal."""
    difference = tenths(mean(scores.own)) - tenths(mean(scores.baseline))
    deviation = tenths(pstdev(scores.spread))
    return (difference > deviation) - (difference < -deviation)


def _published(scores: Scores) -> int:
    """The same in points of one decimal, as doubles: the last bit of a sum decides a tie."""
    own, baseline = (round(100 * mean(values), 1) for values in (scores.own, scores.baseline))
    deviation = round(100 * pstdev(scores.spread), 1)
    return (own > baseline + deviation) - (own < baseline - deviation)


SIGNS: Mapping[Rule, Callable[[Scores], int]] = {
    "exact": _exact,
    "paper": _paper,
    "published": _published,
}
"""By rule, whether scores lie below, within or above the baseline's deviation: -1, 0, 1."""


def tenths(fraction: float) -> int:
    """A fraction in tenths of a point, rounded as it is printed: whole numbers compare exactly."""
    return round(10 * round(100 * fraction, 1))


def total(counts: Sequence[Counts | None]) -> Counts | None:
    """The sum of those that there are; ``None`` if there are none."""
    found = [value for value in counts if value is not None]
    return sum(found[1:], found[0]) if found else None


def arrows(counts: Counts | None) -> str:
    """Losses and wins, as the published table has them."""
    return MISSING if counts is None else f"↓{counts.down} ↑{counts.up}"
