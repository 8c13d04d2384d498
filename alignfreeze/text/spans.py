"""From logits over subwords to the span that answers a question."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Span(NamedTuple):
    """A candidate answer: characters ``[start, end)`` of the context, and its score."""

    start: int
    end: int
    score: float


class Candidates(NamedTuple):
    """Spans of a window, by where they start, then by where they end.

    Attributes:
        starts: Where each begins, in characters of the context, of shape (spans,).
        ends: Where it ends.
        scores: The sum of its start's and its end's logit.
    """

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    scores: NDArray[np.float32]


def candidate_spans(
    start_logits: NDArray[np.float32],
    end_logits: NDArray[np.float32],
    offsets: NDArray[np.int32],
    *,
    n_best: int,
    answer_length: int,
) -> Candidates:
    """The spans between the best starts and ends of a window; there may be none.

    Args:
        start_logits: Of shape (subwords,).
        end_logits: Of shape (subwords,).
        offsets: Characters ``[start, end)`` of each subword, -1 for those outside the context;
            of shape (subwords, 2).
        n_best: How many of the highest starts, and of the highest ends, are tried.
        answer_length: The longest span, in subwords.
    """
    context = np.flatnonzero(offsets[:, 0] >= 0)
    starts = _highest(start_logits, context, n_best)
    ends = _highest(end_logits, context, n_best)
    lengths = ends[None, :] - starts[:, None] + 1
    rows, columns = np.nonzero((lengths >= 1) & (lengths <= answer_length))
    scores = start_logits[starts[rows]] + end_logits[ends[columns]]
    return Candidates(offsets[starts[rows], 0], offsets[ends[columns], 1], scores)


def best_span(spans: Candidates) -> Span | None:
    """The span with the highest score; of equals, the one that starts first, then ends first.

    Returns:
        ``None`` if there is none (the end may come first in all pairs that were tried).
    """
    if not len(spans.scores):
        return None
    best = spans.scores.argmax()
    return Span(int(spans.starts[best]), int(spans.ends[best]), float(spans.scores[best]))


def _highest(
    logits: NDArray[np.float32], positions: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """The positions with the highest logits, in ascending order; the first ones of equals."""
    order = np.argsort(-logits[positions], kind="stable")[:count]
    return np.sort(positions[order])
