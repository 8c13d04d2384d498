"""Which languages are realigned: those that are named, all that have parallel text, or a choice."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from alignfreeze.config import ALL, LanguageSubset, RunConfig, subset_of
from alignfreeze.contracts import DataSource
from alignfreeze.data.bitexts import parallel_languages, unread_text
from alignfreeze.data.language_subsets import Distance, diverse, drawn, nearest
from alignfreeze.data.uriel import INSTALL, distance, has_uriel
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import shown

logger = logging.getLogger(__name__)

KIND = "featural"
"""The distance that decides.

It is over all that URIEL says of a language's grammar and sounds, completed from near languages, so
that few languages have none; the published choice (arXiv 2511.06497) is by the featural distance of
URIEL+, too. That of the family tree is 1 between any two families, and so tells none of them apart.
"""

FARTHEST = 1.0
"""The distance of a language from every other, if URIEL does not know it."""


@dataclass(frozen=True)
class LanguageChoice:
    """Languages that were chosen.

    Attributes:
        subset: How many, and how.
        languages: Which, sorted.
        unknown: Languages that had a part in it, and that URIEL does not know.
    """

    subset: LanguageSubset
    languages: Sequence[str]
    unknown: Sequence[str] = ()

    def __str__(self) -> str:
        """For a person."""
        return f"realign languages {self.subset}: {' '.join(self.languages)}"

    @property
    def warning(self) -> str:
        """What is to be known of how it was made; empty if there is nothing."""
        if not self.unknown:
            return ""
        return (
            f"{self.subset}: URIEL does not know {' '.join(self.unknown)}, which count as farthest "
            "from every other language"
        )


def realignment_languages(
    source: DataSource, config: RunConfig, targets: Collection[str] = ()
) -> list[str]:
    """The languages that are asked for to realign with; none if the task's own are to be.

    Args:
        source: The data.
        config: What is asked for.
        targets: What ``diverse`` covers; not looked at for others.

    Raises:
        DataError: If the folder cannot be read; or if not all are named, and there is no text.
        ConfigError: As `language_choice`.
    """
    choice = language_choice(source, config, targets)
    if choice is not None:
        return list(choice.languages)
    if config.realign_languages != (ALL,):
        return list(config.realign_languages)
    return _with_text(source, config.source_language)


def language_choice(
    source: DataSource, config: RunConfig, targets: Collection[str] = ()
) -> LanguageChoice | None:
    """The subset of the languages with parallel text that is asked for; ``None`` if none is.

    Raises:
        DataError: If the folder cannot be read, or there is no text.
        ConfigError: If there are fewer languages, distances are not installed, the source language
            is in none, or there are no targets to be covered.
    """
    subset = subset_of(config.realign_languages)
    if subset is None:
        return None
    require_distances(config)
    candidates = _with_text(source, config.source_language)
    if subset.count > len(candidates):
        raise ConfigError(
            f"realign_languages must choose at most {len(candidates)} language(s), as many as have "
            f"parallel text ({' '.join(candidates)}), got {shown(str(subset))}"
        )
    if subset.by_seed:
        return LanguageChoice(subset, drawn(candidates, subset.count, config.seed))
    if subset.by_targets:
        return _diverse_choice(subset, candidates, sorted({*targets} - {config.source_language}))
    if _unknown([config.source_language]):
        raise ConfigError(
            "source_language must be one that URIEL knows, so that there are some nearest to it, "
            f"got {shown(config.source_language)}"
        )
    chosen = nearest(config.source_language, candidates, subset.count, _distances())
    return LanguageChoice(subset, chosen, _unknown(candidates))


def _diverse_choice(
    subset: LanguageSubset, candidates: Sequence[str], targets: Sequence[str]
) -> LanguageChoice:
    if not targets:
        raise ConfigError(
            f"languages must be given, for realign_languages={subset} to cover, got none"
        )
    chosen = diverse(targets, candidates, subset.count, _distances())
    return LanguageChoice(subset, chosen, _unknown({*targets, *candidates}))


def told_choice(
    source: DataSource, config: RunConfig, targets: Collection[str]
) -> LanguageChoice | None:
    """As `language_choice`; it is told which languages those are, and what URIEL does not know."""
    choice = language_choice(source, config, targets)
    if choice is not None:
        logger.info("%s", choice)
    if choice is not None and choice.warning:
        logger.warning("%s", choice.warning)
    return choice


def require_distances(config: RunConfig) -> None:
    """Check that the distances are there that a configuration chooses languages by.

    Raises:
        ConfigError: If they are not; says how they are had.
    """
    subset = subset_of(config.realign_languages)
    if subset is not None and subset.by_distance and not has_uriel():
        raise ConfigError(
            f"realign_languages needs distances between languages ({INSTALL}), "
            f"got {shown(str(subset))}"
        )


def _with_text(source: DataSource, source_language: str) -> list[str]:
    """All languages with parallel text.

    Raises:
        DataError: If there are none.
    """
    found = parallel_languages(source, source_language)
    if not found:
        there = unread_text(source, source_language)
        raise DataError(f"there is no parallel text{there}", file=source.root / "parallel")
    return found


def _distances() -> Distance:
    """The distances of languages as URIEL says, each looked up once."""

    @cache
    def away(one: str, other: str) -> float:
        found = 0.0 if one == other else distance(KIND, one, other)
        return FARTHEST if found is None else found

    return away


def _unknown(codes: Collection[str]) -> list[str]:
    """Those that URIEL has no distances of, sorted."""
    return [code for code in sorted(codes) if distance(KIND, code, code) is None]
