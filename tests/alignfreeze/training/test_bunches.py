from itertools import pairwise

import numpy as np
import pytest
import torch

from alignfreeze.training.bunches import LayerCost, Sentences

COST = LayerCost(place=10, pair=1, bunch=4096)


def falling(seed: int, most: int = 60) -> list[int]:
    random = np.random.default_rng(seed)
    drawn = random.integers(1, random.integers(2, most), random.integers(1, 40))
    return sorted(drawn.tolist(), reverse=True)


@pytest.mark.parametrize("seed", range(10))
def test_bunches_make_up_the_row(seed):
    lengths = falling(seed)
    sentences = Sentences.of(lengths, COST)
    assert sentences.longest == lengths[0]
    assert sentences.bounds.tolist() == [0, *np.cumsum(lengths).tolist()]
    assert sentences.bounds.dtype == torch.int32
    assert sentences.bunches[0].begin == 0
    assert sentences.bunches[-1].end == sum(lengths)
    assert all(one.end == other.begin for one, other in pairwise(sentences.bunches))
    assert sum(bunch.shape[0] for bunch in sentences.bunches) == len(lengths)


def test_sentences_of_one_length_are_not_padded():
    (bunch,) = Sentences.of([7, 7, 7], COST).bunches
    assert (bunch.shape, bunch.taken, bunch.kept, bunch.mask) == ((3, 7), None, None, None)


def test_there_are_as_many_bunches_as_pay():
    assert [bunch.shape for bunch in Sentences.of([3, 3, 2], COST).bunches] == [(3, 3)]
    many = Sentences.of([300] * 4 + [20] * 9 + [19], COST).bunches
    assert [bunch.shape for bunch in many] == [(4, 300), (10, 20)]


def least(lengths: list[int]) -> float:
    """The least cost over all ways to cut, one after the other."""
    if not lengths:
        return 0
    return min(
        cut * lengths[0] ** 2 * COST.pair + COST.bunch + least(lengths[cut:])
        for cut in range(1, len(lengths) + 1)
    )


@pytest.mark.parametrize("seed", range(8))
def test_no_way_to_bunch_costs_less(seed):
    lengths = sorted(np.random.default_rng(seed).integers(1, 250, 9).tolist(), reverse=True)
    found = Sentences.of(lengths, COST).cost(COST)
    assert found == sum(lengths) * COST.place + least(lengths)


@pytest.mark.parametrize("seed", range(5))
def test_states_come_back_with_their_gradients(seed):
    lengths = falling(seed, most=200)
    row = torch.randn(sum(lengths), 2, 3, dtype=torch.double, requires_grad=True)
    begin = 0
    for bunch in Sentences.of(lengths, COST).bunches:
        padded = bunch.padded(row)
        n_sentences, longest = bunch.shape
        assert padded.shape == (n_sentences, 2, longest, 3)
        for number in range(n_sentences):
            own = lengths.pop(0)
            assert torch.equal(padded[number, :, :own].transpose(0, 1), row[begin : begin + own])
            begin += own
        assert torch.equal(bunch.unpadded(padded), row[bunch.begin : bunch.end])
        factors = torch.randn(bunch.end - bunch.begin, 2, 3, dtype=torch.double)
        (gradient,) = torch.autograd.grad(bunch.unpadded(2 * padded), row, factors)
        assert torch.equal(gradient[bunch.begin : bunch.end], 2 * factors)
        assert not gradient[bunch.end :].any()
        assert not gradient[: bunch.begin].any()


@pytest.mark.parametrize("window", [0, 2, 6, 50])
def test_a_place_sees_what_is_near(window):
    (bunch,) = Sentences.of([9, 7, 7], COST).bunches
    seen = bunch.seen(window, torch.device("cpu"))
    assert seen is not None
    seen = seen.expand(3, 1, 9, 9)[:, 0]
    for sentence, length in enumerate([9, 7, 7]):
        for one in range(length):
            found = seen[sentence, one].nonzero().flatten().tolist()
            assert found == [n for n in range(length) if abs(n - one) <= window]
        assert bool(seen[sentence].any(dim=-1).all())  # padding, too, sees something
