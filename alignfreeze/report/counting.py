"""In how many languages a strategy wins or loses against the reference, usually the baseline."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import pstdev
from typing import Literal, NamedTuple

from alignfreeze.base.tables import MISSING
from alignfreeze.evaluation.significance import Correction
from alignfreeze.evaluation.statistics import mean, side_of
from alignfreeze.report.intervals import difference_of, significant
from alignfreeze.report.score_tables import ScoreTable, called
from alignfreeze.report.settings import ReportConfig

Rule = Literal["exact", "paper", "published", "significant"]
DeviationRule = Literal["exact", "paper", "published"]

DEVIATION = (
    "in how many languages the mean over seeds lies below and above {reference}'s by more than "
    "one standard deviation"
)

RULES: Mapping[Rule, str] = {
    "exact": f"{DEVIATION} (unrounded means, and the sample standard deviation of {{reference}}'s "
    "seeds)",
    "paper": f"{DEVIATION} (means, and the population deviation of {{reference}}'s seeds, in "
    "points rounded to 0.1 first)",
    "published": f"{DEVIATION} (as in print: rounded to 0.1 first, and compared as sums of binary "
    "doubles; PoS counts the average as one more language, NLI leaves Russian out)",
    "significant": "in how many languages the difference is negative and positive and significant "
    "at 0.05, corrected for the number of target languages",
}
"""What each says, for the note of a table, with ``{reference}`` for what is compared with."""

CORRECTIONS: Mapping[Correction, str] = {
    "holm": "by Holm",
    "fdr": "by Benjamini and Hochberg, for the false discovery rate",
}
"""What each correction is, for the note of a table."""

AVERAGED_TASK = "pos"
"""The task whose printed counts take the average over languages for one more language."""

LEFT_OUT = ("nli", "ru")
"""The task whose printed counts leave a language out, and that language."""


class Counts(NamedTuple):
    """Languages in which a strategy lies outside the reference's deviation, or differs from it.

    Attributes:
        down: Languages whose mean over seeds lies below the reference's by more than one of its
            standard deviations, or significantly.
        up: Languages whose mean lies above it by as much.
        languages: Languages that both have; the others cannot be counted.
    """

    down: int
    up: int
    languages: int


def count(
    table: ScoreTable, variant: str, rule: Rule, correction: Correction = "holm"
) -> Counts | None:
    """Count wins and losses of a variant, over the languages and seeds that both have.

    Args:
        table: The scores.
        variant: What is compared with the reference.
        rule: One of `RULES`; the sample deviation is over ``n - 1``, the population's over ``n``.
        correction: For many languages, of the rule ``significant``.

    Returns:
        ``None`` where no language can be counted: no reference, or too few of its seeds.
    """
    if rule == "significant":
        return _significant(table, variant, correction)
    shown: list[str | None] = [*table.languages]
    if rule == "published":
        shown = [language for language in shown if (table.task, language) != LEFT_OUT]
        shown += [None] if table.task == AVERAGED_TASK else []
    signs = []
    for language in shown:
        both = table.comparison(variant, language)
        spread = table.averages(table.reference, both.languages) if both.languages else {}
        if both.own and len(spread) >= (2 if rule == "exact" else 1):
            values = ([*seeds.values()] for seeds in (both.own, both.reference, spread))
            signs.append(SIGNS[rule](*values))
    return Counts(signs.count(-1), signs.count(1), len(signs)) if signs else None


def _significant(table: ScoreTable, variant: str, correction: Correction) -> Counts | None:
    """Over seeds and examples where predictions were kept, over seeds alone elsewhere."""
    found = [difference_of(table, variant, language) for language in table.languages]
    counted = sum(difference is not None for difference in found)
    signs = [each.value > 0 for each in significant(table, variant, correction).values()]
    return Counts(signs.count(False), signs.count(True), counted) if counted else None


def _paper(own: Sequence[float], reference: Sequence[float], spread: Sequence[float]) -> int:
    """In whole tenths of a point, where equal is equal."""
    difference = tenths(mean(own)) - tenths(mean(reference))
    deviation = tenths(pstdev(spread))
    return (difference > deviation) - (difference < -deviation)


def _published(own: Sequence[float], reference: Sequence[float], spread: Sequence[float]) -> int:
    """In points of one decimal, as doubles: the last bit of a sum decides a tie."""
    ours, level, deviation = (
        round(100 * value, 1) for value in (mean(own), mean(reference), pstdev(spread))
    )
    return (ours > level + deviation) - (ours < level - deviation)


SIGNS: Mapping[DeviationRule, Callable[..., int]] = {
    "exact": side_of,
    "paper": _paper,
    "published": _published,
}
"""By rule, whether scores lie below, within or above the reference's, given those of the seeds that
both have, by more than the deviation of all of the reference's seeds: -1, 0, 1."""


def tenths(fraction: float) -> int:
    """A fraction in tenths of a point, rounded as it is printed: whole numbers compare exactly."""
    return round(10 * round(100 * fraction, 1))


def total(counts: Iterable[Counts | None]) -> Counts | None:
    """The sum of those that there are; ``None`` if there are none."""
    found = [value for value in counts if value is not None]
    return Counts(*map(sum, zip(*found, strict=True))) if found else None


def rule_note(config: ReportConfig) -> str:
    """What ↓ and ↑ count, for the note of a table."""
    rule = RULES[config.counting].format(reference=called(config.reference))
    return f"{rule} {CORRECTIONS[config.correction]}" if config.counting == "significant" else rule


def arrows(counts: Counts | None) -> str:
    """Losses and wins, as the published table has them."""
    return MISSING if counts is None else f"↓{counts.down} ↑{counts.up}"
