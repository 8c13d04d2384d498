"""Sets of languages by name, which stand for their codes wherever languages are asked for."""

from collections.abc import Mapping

from alignfreeze.config.parsing import split_names

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


def only_all_alone(names: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValueError if ``all`` stands beside others."""
    if ALL in names and len(names) > 1:
        raise ValueError(f"must be {ALL} alone, or languages without it")
    return names
