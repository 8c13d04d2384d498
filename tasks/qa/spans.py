"""From logits over subwords to the span that answers a question."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Span(NamedTuple):
    """A candidate answer: characters ``[start, end)`` of the context, and its score."""

    start: int
    end: int
    score: float


def best_span(
    start_logits: NDArray[np.float32],
    end_logits: NDArray[np.float32],
    offsets: NDArray[np.int32],
    *,
    n_best: int,
    answer_length: int,
) -> Span | None:
    """The span of a window with the highest sum of its start's and its end's logit.

    Of spans that score the same, the one that starts first, then the one that ends first.

    Args:
        start_logits: Of shape (subwords,).
        end_logits: Of shape (subwords,).
        offsets: Characters ``[start, end)`` of each subword, -1 for those outside the context;
            of shape (subwords, 2).
        n_best: How many of the highest starts, and of the highest ends, are tried.
        answer_length: The longest span, in subwords.

    Returns:
        The span; ``None`` if none of the pairs tried is one (the end may come first in all).
    """
    context = np.flatnonzero(offsets[:, 0] >= 0)
    starts = _highest(start_logits, context, n_best)
    ends = _highest(end_logits, context, n_best)
    lengths = ends[None, :] - starts[:, None] + 1
    allowed = (lengths >= 1) & (lengths <= answer_length)
    rows, columns = np.nonzero(allowed)
    if not len(rows):
        return None
    scores = start_logits[starts[rows]] + end_logits[ends[columns]]
    best = scores.argmax()
    start, end = offsets[starts[rows[best]], 0], offsets[ends[columns[best]], 1]
    return Span(int(start), int(end), float(scores[best]))


def _highest(
    logits: NDArray[np.float32], positions: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """The positions with the highest logits, in ascending order; the first ones of equals."""
    order = np.argsort(-logits[positions], kind="stable")[:count]
    return np.sort(positions[order])
