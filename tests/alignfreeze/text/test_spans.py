import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.text.spans import Span, best_span, candidate_spans

QUESTION, CONTEXT_FROM = 2, 4


def window(n_context: int) -> np.ndarray:
    """Offsets of a row: a question, special tokens, words of three letters, a special token."""
    offsets = np.full((CONTEXT_FROM + n_context + 1, 2), -1, dtype=np.int32)
    for k in range(n_context):
        offsets[CONTEXT_FROM + k] = (4 * k, 4 * k + 3)
    return offsets


def naive(starts, ends, offsets, n_best, answer_length) -> Span | None:
    """The same by trying every pair, in order of position; only a better one replaces another."""
    context = [k for k in range(len(offsets)) if offsets[k][0] >= 0]
    first = sorted(context, key=lambda k: (-starts[k], k))[:n_best]
    last = sorted(context, key=lambda k: (-ends[k], k))[:n_best]
    found = None
    for i in sorted(first):
        for j in sorted(last):
            score = float(np.float32(starts[i]) + np.float32(ends[j]))
            if i <= j < i + answer_length and (found is None or score > found.score):
                found = Span(int(offsets[i][0]), int(offsets[j][1]), score)
    return found


@st.composite
def cases(draw):
    n_context = draw(st.integers(0, 8))
    size = CONTEXT_FROM + n_context + 1
    # Whole numbers collide, so that ties are tried; outside the context are the highest.
    logits = st.lists(st.integers(-3, 3).map(float), min_size=size, max_size=size)
    starts, ends = (np.array(draw(logits), dtype=np.float32) for _ in range(2))
    starts[:CONTEXT_FROM] += 9
    ends[-1] += 9
    return starts, ends, window(n_context), draw(st.integers(1, 9)), draw(st.integers(1, 9))


@given(cases())
def test_the_best_span_is_that_of_a_double_loop(case):
    starts, ends, offsets, n_best, answer_length = case
    found = best_span(
        candidate_spans(starts, ends, offsets, n_best=n_best, answer_length=answer_length)
    )
    assert found == naive(starts, ends, offsets, n_best, answer_length)


def test_real_logits_too():
    random = np.random.default_rng(0)
    for _ in range(50):
        offsets = window(40)
        starts, ends = random.normal(size=(2, len(offsets))).astype(np.float32)
        found = best_span(candidate_spans(starts, ends, offsets, n_best=20, answer_length=5))
        assert found is not None
        assert found == naive(starts, ends, offsets, 20, 5)


def test_of_many_equal_logits_the_first_are_tried():
    random = np.random.default_rng(0)
    offsets = window(1000)
    for _ in range(5):
        starts, ends = random.integers(0, 3, (2, len(offsets))).astype(np.float32)
        found = best_span(candidate_spans(starts, ends, offsets, n_best=5, answer_length=30))
        assert found == naive(starts, ends, offsets, 5, 30)


def test_the_first_and_shortest_of_equals_is_taken():
    offsets = window(5)
    zeros = np.zeros(len(offsets), dtype=np.float32)
    assert best_span(candidate_spans(zeros, zeros, offsets, n_best=20, answer_length=30)) == Span(
        0, 3, 0.0
    )


@pytest.mark.parametrize(("n_best", "found"), [(1, None), (2, Span(0, 3, 10.0))])
def test_there_may_be_no_span_among_the_best(n_best, found):
    offsets = window(4)
    starts, ends = np.zeros((2, len(offsets)), dtype=np.float32)
    starts[CONTEXT_FROM + 3], starts[CONTEXT_FROM] = 9, 8
    ends[CONTEXT_FROM] = 2
    assert (
        best_span(candidate_spans(starts, ends, offsets, n_best=n_best, answer_length=4)) == found
    )
