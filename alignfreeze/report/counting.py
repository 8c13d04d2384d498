"""In how many languages a strategy wins or loses against the baseline."""

from collections.abc import Sequence
from statistics import mean, pstdev, stdev
from typing import Literal, NamedTuple

from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block

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


def count(block: Block, variant: str, rule: Rule) -> Counts | None:
    """Count wins and losses of a variant.

    Args:
        block: The scores.
        variant: What is compared with the baseline.
        rule: ``exact``: means as they are, and the sample standard deviation (``n - 1``) of the
            baseline's seeds. ``paper``: the means, and the population deviation (``n``), in
            points rounded to 0.1 first. ``published``: as ``paper``; of part-of-speech tagging
            the average over languages counts as one more language, and of natural language
            inference Russian does not count, which is how the printed counts came about.

    Returns:
        ``None`` where no language can be counted: no baseline, or too few of its seeds.
    """
    own, baseline = block.values.get(variant, {}), block.values.get(BASELINE, {})
    pairs = [
        (list(own[language].values()), list(baseline[language].values()))
        for language in block.languages
        if own.get(language)
        and len(baseline.get(language, ())) >= LEAST_SEEDS[rule]
        and not (rule == "published" and (block.task, language) == (SHORT_TASK, LEFT_OUT))
    ]
    if rule == "published" and block.task == AVERAGED_TASK and pairs:
        averages = [list(block.averages(name).values()) for name in (variant, BASELINE)]
        if all(averages):
            pairs.append((averages[0], averages[1]))
    signs = [_sign(scores, reference, rule) for scores, reference in pairs]
    return Counts(signs.count(-1), signs.count(1), len(signs)) if signs else None


def _sign(scores: Sequence[float], baseline: Sequence[float], rule: Rule) -> int:
    """-1 below, 1 above the baseline by more than its deviation, 0 within."""
    if rule == "exact":
        difference, deviation = mean(scores) - mean(baseline), stdev(baseline)
    else:
        difference = tenths(mean(scores)) - tenths(mean(baseline))
        deviation = tenths(pstdev(baseline))
    return (difference > deviation) - (difference < -deviation)


def tenths(fraction: float) -> int:
    """A fraction in tenths of a point, rounded as it is printed: whole numbers compare exactly."""
    return round(10 * round(100 * fraction, 1))


def total(counts: Sequence[Counts | None]) -> Counts | None:
    """The sum of those that there are; ``None`` if there are none."""
    found = [value for value in counts if value is not None]
    return sum(found[1:], found[0]) if found else None
