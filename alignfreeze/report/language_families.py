"""Families of languages, by which figures and tables group them."""

import csv
import re
from collections.abc import Iterable
from importlib import resources

OTHER = "other"
"""The family of a language that has none here."""

_TABLE = resources.files("alignfreeze.report").joinpath("language_families.csv").read_text("utf-8")
FAMILIES = {row["family"]: row["codes"] for row in csv.DictReader(_TABLE.splitlines())}
"""Codes of each family, from the closest to English outwards."""

_FAMILY = {code: name for name, codes in FAMILIES.items() for code in codes.split()}
_PLACE = {name: place for place, name in enumerate((*FAMILIES, OTHER))}


def family(language: str) -> str:
    """The family of a language, given its code, which may name a script or region as well."""
    base = re.split(r"[^A-Za-z]", language, maxsplit=1)[0].lower()
    return _FAMILY.get(base, OTHER)


def by_family(languages: Iterable[str]) -> list[str]:
    """Languages in the order of their families, and of their codes within a family."""
    return sorted(languages, key=lambda code: (_PLACE[family(code)], code))
