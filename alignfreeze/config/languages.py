"""Sets of languages by name, which stand for their codes wherever languages are asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignfreeze.config.parsing import split_names
from alignfreeze.messages import nearest

_PUBLISHED = (
    "af ar bg ca cs da de el es fa fi fr he hi hu it ja ko lt lv no pl pt ro ru sk sl sv ta th tr "
    "uk vi zh"
)
PUBLISHED_LANGUAGES = tuple(_PUBLISHED.split())
"""Target languages of the published experiments; those of a task may be fewer."""

LANGUAGE_SETS: Mapping[str, tuple[str, ...]] = {"published": PUBLISHED_LANGUAGES}
"""The sets by name."""

ALL = "all"
"""Of the languages of realignment: every one that the data has parallel text of."""

DIVERSE, NEAREST, RANDOM = "diverse", "nearest", "random"
CHOICES = (DIVERSE, NEAREST, RANDOM)
"""Of the languages of realignment: how some of those are chosen, as in ``diverse:8``."""


@dataclass(frozen=True)
class LanguageSubset:
    """So many of the languages with parallel text, and how they are chosen.

    Attributes:
        kind: One of `CHOICES`: those that cover the target languages, those nearest to the source
            language, or some that are drawn by the run's seed.
        count: How many, at least 1.
    """

    kind: str
    count: int

    def __str__(self) -> str:
        """As it is asked for: ``diverse:8``."""
        return f"{self.kind}:{self.count}"

    @property
    def by_targets(self) -> bool:
        """Whether the target languages decide."""
        return self.kind == DIVERSE

    @property
    def by_distance(self) -> bool:
        """Whether distances between languages decide."""
        return self.kind != RANDOM

    @property
    def by_seed(self) -> bool:
        """Whether the seed decides."""
        return self.kind == RANDOM


def split_languages(value: object) -> object:
    """The names of languages, each set's among them replaced by its codes.

    A code that is given beside a set that holds it is no repetition.
    """
    names = split_names(value)
    if not isinstance(names, list | tuple):
        return names
    sets = [LANGUAGE_SETS.get(name, ()) if isinstance(name, str) else () for name in names]
    if not any(sets):
        return names
    held = {code for codes in sets for code in codes}
    alone = [name for name, codes in zip(names, sets, strict=True) if not codes]
    of_sets = dict.fromkeys(code for codes in sets for code in codes)
    return (*of_sets, *(name for name in alone if name not in held))


def subset_of(names: Sequence[str]) -> LanguageSubset | None:
    """The subset that languages of realignment stand for; ``None`` if they are codes, or all."""
    kind, colon, count = names[0].partition(":") if len(names) == 1 else ("", "", "")
    return LanguageSubset(kind, int(count)) if colon and kind in CHOICES else None


def codes_all_or_subset(names: tuple[str, ...]) -> tuple[str, ...]:
    """The languages of realignment: codes, or ``all``, or a subset, which is said alone.

    Raises:
        ValueError: If ``all`` or a subset stands beside others, or a subset is malformed.
    """
    names = tuple(map(_checked, names))
    for name in names:
        if len(names) > 1 and (name == ALL or subset_of([name])):
            raise ValueError(f"must be {name} alone, or languages without it")
    return names


def _checked(name: str) -> str:
    """A name as it is, that of a subset with its number as numbers are written.

    What has a colon may be a code, but one with a number behind it, or much like a subset's.
    """
    kind, colon, count = name.partition(":")
    if kind in CHOICES:
        if not _COUNT.fullmatch(count) or int(count) < 1:
            raise ValueError(f"must be {kind}:K with a whole number K >= 1, as {kind}:8")
        return str(LanguageSubset(kind, int(count)))
    meant = nearest(kind, CHOICES)
    if colon and (meant or _COUNT.fullmatch(count)):
        hint = f" (did you mean {meant[0]}:{count}?)" if meant else ""
        raise ValueError(f"must choose by {', '.join(CHOICES[:-1])} or {CHOICES[-1]}{hint}")
    return name


_COUNT = re.compile(r"[0-9]{1,6}")
