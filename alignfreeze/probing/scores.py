"""Rows of what is measured layer by layer; to read them needs no encoder."""

from typing import Literal, NamedTuple

Kind = Literal["weak", "strong"]
Direction = Literal["forward", "backward"]


class AlignmentScore(NamedTuple):
    """How many of a language's sampled words find their translation, a fraction in [0, 1].

    ``stage`` is what the encoder has been through, e.g. ``realigned``; ``forward`` is from the
    source language to the target language; layers count from 0.
    """

    stage: str
    language: str
    layer: int
    kind: Kind
    direction: Direction
    value: float


class DriftScore(NamedTuple):
    """How far a layer's representations of a language moved: 1 - CKA, in [0, 1]."""

    stage: str
    language: str
    layer: int
    value: float
