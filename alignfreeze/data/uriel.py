"""Distances between languages, from the vectors of URIEL.

URIEL (Littell et al. 2017, https://aclanthology.org/E17-2002) describes languages by their syntax,
phonology, sounds, family and place. The distribution lang2vec holds its vectors; only its files are
read here, since its module asks for ``pkg_resources``, which setuptools no longer has. Nor is its
package looked for: there is a script ``lang2vec.py`` as well, which Python takes for it in commands
that lie beside that script, as ours do.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

INSTALL = "pip install 'alignfreeze[uriel]'"
"""How the vectors are had."""

KINDS = ("syntactic", "phonological", "inventory", "featural", "genetic", "geographic")
"""The distances there are; ``featural`` is over all features of the three before it."""

_FEATURES = {
    "syntactic": ("S_",),
    "phonological": ("P_",),
    "inventory": ("INV_",),
    "featural": ("S_", "P_", "INV_"),
}
"""What the features of a kind begin with."""

_OWN_CODES = {"zh": "cmn", "fa": "pes", "nb": "nor"}
"""Where URIEL knows more of a language than under the code that lang2vec gives it.

Chinese in general has no place in the family tree below Sino-Tibetan, nor has Bokmål any; Persian
in general lies between Iran and Tajikistan. Arabic stays ``ara``: of Standard Arabic, ``arb``, a
quarter of the features is known. Latvian stays ``lav``: of ``lvs`` nothing is.
"""


def has_uriel() -> bool:
    """Whether the vectors are installed."""
    try:
        distribution("lang2vec")
    except PackageNotFoundError:
        return False
    return True


def distances(source: str, languages: Sequence[str]) -> dict[str, dict[str, float]]:
    """The distances of languages from a source language, by kind and language, in [0, 1].

    Of features and of the family tree it is 1 - the cosine of two vectors: of the features as URIEL
    completes them by those of near languages; and of the groups of Glottolog that each belongs to,
    0 within one group, 1 without any in common. Of places it is the way on the globe, as a part of
    the longest.

    A language that URIEL lacks, or knows no family of, is not there; without the vectors
    nothing is.
    """
    if not has_uriel() or _iso_code(source) is None:
        return {}
    pairs = {kind: [(code, distance(kind, source, code)) for code in languages] for kind in KINDS}
    return {kind: {c: d for c, d in own if d is not None} for kind, own in pairs.items()}


def distance(kind: str, one: str, other: str) -> float | None:
    """The distance of two languages in [0, 1], as `distances` has it; ``None`` if not known.

    The vectors must be installed (`has_uriel`).
    """
    pair = [iso for code in (one, other) if (iso := _iso_code(code)) is not None]
    if len(pair) < 2:
        return None
    if kind == "geographic":
        return _arc(*(_places()[iso] for iso in pair))
    own = _vectors(kind)
    known = all(own[iso].any() for iso in pair)
    return _cosine_distance(*(own[iso] for iso in pair)) if known else None


def _iso_code(code: str) -> str | None:
    """The code of ISO 639-3 that URIEL has a language under; ``None`` if it has none.

    A script or a region behind a code, as in ``zh-tw``, is not told apart.
    """
    base = re.split(r"[^A-Za-z]", code, maxsplit=1)[0].lower()
    iso = _OWN_CODES.get(base) or _usual_codes().get(base, base)
    return iso if iso in _places() else None


@cache
def _usual_codes() -> Mapping[str, str]:
    """The codes of three letters for those of two that lang2vec knows."""
    found: Mapping[str, str] = json.loads(_file("letter_codes.json").read_text("utf-8"))
    return found


def _cosine_distance(one: Marks, other: Marks) -> float:
    """1 - the cosine of two vectors of zeros and ones, neither of zeros alone."""
    shared, sizes = np.count_nonzero(one & other), np.count_nonzero(one) * np.count_nonzero(other)
    return float(np.clip(1 - shared / np.sqrt(sizes), 0, 1))


def _arc(one: Floats, other: Floats) -> float:
    """The angle between two directions, as a part of half a turn."""
    return float(np.arccos(np.clip(one @ other, -1, 1)) / np.pi)


@cache
def _vectors(kind: str) -> dict[str, Marks]:
    """Which features, or groups, languages have, by code."""
    name = "family_features.npz" if kind == "genetic" else "feature_predictions.npz"
    codes, features, values = _read(name)
    if kind in _FEATURES:
        values = values[:, [feature.startswith(_FEATURES[kind]) for feature in features]]
    return dict(zip(codes, values > 0, strict=True))


@cache
def _places() -> dict[str, Floats]:
    """Where languages are, as directions from the centre of the globe, of shape (3,), by code.

    URIEL gives the distance ``d`` of each from 299 points ``p``, as a part of half the globe's
    girth; the direction ``x`` solves ``p @ x = cos(pi d)`` (least squares, since they are rounded).
    """
    codes, features, values = _read("geocoord_features.npz")
    degrees = np.array([feature.split("_")[1:] for feature in features], dtype=np.float64)
    latitude, longitude = np.radians(degrees).T
    flat = np.cos(latitude)
    points = np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], 1)
    found = np.linalg.lstsq(points, np.cos(np.pi * values).T, rcond=None)[0].T
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return dict(zip(codes, found, strict=True))


def _read(name: str) -> tuple[list[str], list[str], NDArray[np.float32]]:
    """The codes, the features and the values, of shape (languages, features), of a file."""
    with np.load(_file(name)) as arrays:
        return arrays["langs"].tolist(), arrays["feats"].tolist(), arrays["data"][:, :, 0]


def _file(name: str) -> Path:
    return Path(str(distribution("lang2vec").locate_file(f"lang2vec/data/{name}")))
