"""What word vectors show, layer by layer: whether translations find each other, and drift.

Word alignment accuracy follows Gaschi et al. 2023 (https://arxiv.org/abs/2306.02790): a word is
weakly aligned if its translation is its nearest neighbour among the words of the other language,
strongly if it is so among the words of both. Drift is 1 - CKA, after Kornblith et al. 2019
(https://arxiv.org/abs/1905.00414).
"""

import numpy as np
from numpy.typing import NDArray

from alignfreeze.probing.probes import WordVectors
from alignfreeze.probing.scores import AlignmentScore, Direction, DriftScore, Kind

LEAST_MARGIN = 1e-9
"""Cosines that are closer are a tie: more than float64's rounding, less than float16's."""

CONSTANT = 1e-12
"""Words whose variation is this small a share of their size are all the same but for rounding."""


def alignment_scores(vectors: WordVectors, stage: str) -> list[AlignmentScore]:
    """Word alignment accuracy of every language and layer, weak and strong, in both directions.

    A word counts as aligned if its translation's cosine is above that of every other word that
    it could be; so it is not if two are equally near.
    """
    return [
        AlignmentScore(stage, language, layer, kind, direction, value)
        for language, (sources, targets) in vectors.languages.items()
        for layer, pair in enumerate(zip(sources, targets, strict=True))
        for (kind, direction), value in _accuracies(*pair).items()
    ]


def _accuracies(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> dict[tuple[Kind, Direction], float]:
    """Accuracies of one layer; source and target words are of shape (links, hidden)."""
    n_links = len(source)
    words = np.concatenate((source, target)).astype(np.float64)
    words /= np.maximum(np.linalg.norm(words, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    cosines = words @ words.T
    own = np.arange(2 * n_links)
    translation = (own + n_links) % (2 * n_links)
    wanted = cosines[own, translation]
    cosines[own, own] = cosines[own, translation] = -np.inf
    to_source, to_target = cosines[:, :n_links].max(axis=1), cosines[:, n_links:].max(axis=1)
    weak = wanted - np.where(own < n_links, to_target, to_source) > LEAST_MARGIN
    strong = wanted - np.maximum(to_source, to_target) > LEAST_MARGIN
    return {
        ("weak", "forward"): float(weak[:n_links].mean()),
        ("weak", "backward"): float(weak[n_links:].mean()),
        ("strong", "forward"): float(strong[:n_links].mean()),
        ("strong", "backward"): float(strong[n_links:].mean()),
    }


def linear_cka(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment of two representations of the same words, in [0, 1].

    ``|Y'X|^2 / (|X'X| |Y'Y|)`` in Frobenius norms, with columns centred (Kornblith et al. 2019).
    1 for representations that differ by a rotation, a scale and a shift; so too for two in which
    all words are the same. If they are in one alone, 0.

    Args:
        x: Of shape (words, dim).
        y: Of shape (words, other dim).

    Raises:
        ValueError: If there are fewer than 2 words, or not the same number in both.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"x and y must have the same 2 or more words, got {len(x)} and {len(y)}")
    a, b = _centred(x), _centred(y)
    if not (a.any() and b.any()):
        return float(a.any() == b.any())
    if len(a) < max(a.shape[1], b.shape[1]):
        left, right = a @ a.T, b @ b.T
        shared = float((left * right).sum())
    else:
        left, right = a.T @ a, b.T @ b
        shared = float(((b.T @ a) ** 2).sum())
    return float(np.clip(shared / (np.linalg.norm(left) * np.linalg.norm(right)), 0, 1))


def _centred(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Centred columns, of norm 1 altogether; zeros where the words are all the same."""
    values = x.astype(np.float64)
    centred = values - values.mean(axis=0)
    size = np.linalg.norm(centred)
    return centred / size if size > CONSTANT * np.linalg.norm(values) else np.zeros_like(values)


def drift_scores(before: WordVectors, after: WordVectors, stage: str) -> list[DriftScore]:
    """How far every layer moved: the source language, whose words are put together, then others.

    Raises:
        ValueError: If they are not of the same words and layers.
    """
    shapes = [
        {language: sides.source.shape[:2] for language, sides in vectors.languages.items()}
        for vectors in (before, after)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(f"before and after must have the same (layers, links), got {shapes}")
    pairs = [(sides, after.languages[code]) for code, sides in before.languages.items()]
    if not pairs:
        return []
    scores = []
    for layer in range(len(pairs[0][0].source)):
        old, new = (np.concatenate([pair[i].source[layer] for pair in pairs]) for i in (0, 1))
        value = 1 - linear_cka(old, new)
        scores.append(DriftScore(stage, before.source_language, layer, value))
    return scores + [
        DriftScore(stage, language, layer, 1 - linear_cka(*layers))
        for language, (old, new) in zip(before.languages, pairs, strict=True)
        for layer, layers in enumerate(zip(old.target, new.target, strict=True))
    ]
