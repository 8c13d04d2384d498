"""The margin score against plain loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.scoring import margin
from alignfreeze.scoring.margin import margin_scores, nearest_mean


def cosine(x, y):
    norms = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
    return sum(a * b for a, b in zip(x, y, strict=True)) / norms


def naive_margin(x, y, sources, targets, k):
    """Of one pair, by the formula of Artetxe and Schwenk (2019), among all that are given."""
    means = []
    for one, others in ((x, targets), (y, sources)):
        nearest = sorted((cosine(one, other) for other in others), reverse=True)[:k]
        means.append(sum(nearest) / (2 * len(nearest)))
    return cosine(x, y) / sum(means)


def unit(*shape, seed=0, shift=1.0):
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + shift
    return torch.nn.functional.normalize(vectors, dim=-1)


@given(n_pairs=st.integers(1, 7), n_neighbours=st.integers(1, 7), k=st.integers(1, 5))
def test_scores_are_as_a_naive_loop_finds_them(n_pairs, n_neighbours, k):
    source, target = unit(2, n_pairs, 4)
    sources, targets = unit(2, n_neighbours, 4, seed=1)
    known = torch.zeros(n_pairs, 2, dtype=torch.bool)
    # Some pairs are among the neighbours, and must not count twice.
    shared = min(n_pairs, n_neighbours) // 2
    sources[:shared], targets[:shared] = source[:shared], target[:shared]
    known[:shared] = True
    found = margin_scores(
        source, target, source_neighbours=sources, target_neighbours=targets, known=known, k=k
    )
    for row in range(n_pairs):
        others = [sources.tolist(), targets.tolist()]
        if not known[row, 0]:
            others[0].append(source[row].tolist())
            others[1].append(target[row].tolist())
        expected = naive_margin(source[row].tolist(), target[row].tolist(), *others, k)
        assert found[row].item() == pytest.approx(expected, abs=1e-5)


def test_blocks_give_what_one_gives(monkeypatch):
    vectors, neighbours, own = unit(7, 4), unit(5, 4, seed=1), torch.rand(7)
    whole = nearest_mean(vectors, neighbours, own, 3)
    monkeypatch.setattr(margin, "BLOCK_ROWS", 2)
    assert torch.allclose(nearest_mean(vectors, neighbours, own, 3), whole)


def test_where_neighbours_are_no_measure_the_score_is_zero():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    found = margin_scores(
        vectors,
        -vectors,
        source_neighbours=torch.tensor([[1.0, 0.0]]),
        target_neighbours=torch.tensor([[-1.0, 0.0]]),
        known=torch.zeros(2, 2, dtype=torch.bool),
        k=4,
    )
    assert found.tolist() == [0.0, 0.0]
