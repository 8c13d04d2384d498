from itertools import pairwise

import numpy as np
import pytest
import torch

from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.packing import ROUND, Packing
from alignfreeze.training.packing import in_one_row as packed_in_one_row
from alignfreeze.training.packing import in_rows as packed_in_rows

LENGTHS = [3, 20, 5, 9, 2, 7, 7]
COST = LayerCost(place=160, pair=1, bunch=1)
"""With which packing pays for few short sentences."""


def in_rows(lengths: list[int]) -> Packing | None:
    return packed_in_rows(lengths, cost=COST)


def in_one_row(lengths: list[int]) -> Packing | None:
    return packed_in_one_row(lengths, cost=COST)


def random_lengths(seed: int) -> list[int]:
    random = np.random.default_rng(seed)
    return random.integers(1, random.integers(3, 60), random.integers(1, 40)).tolist()


@pytest.mark.parametrize("packer", [in_rows, in_one_row])
@pytest.mark.parametrize("seed", range(20))
def test_states_come_back_to_where_they_were(seed, packer):
    lengths = random_lengths(seed)
    packing = packer([*lengths, 60])
    assert packing is not None
    states = torch.randn(len(lengths) + 1, 60, 4)
    packed = packing.pack(states)
    assert packed.shape == (*packing.sentences.shape, 4)
    found = packing.unpack(packed, states.shape)
    for one, other, length in zip(found, states, [*lengths, 60], strict=True):
        assert torch.equal(one[:length], other[:length])
        assert not one[length:].any()


@pytest.mark.parametrize("packer", [in_rows, in_one_row])
@pytest.mark.parametrize("seed", range(20))
def test_each_sentence_is_in_one_row_and_in_one_piece(seed, packer):
    lengths = [*random_lengths(seed), 60]
    packing = packer(lengths)
    assert packing is not None
    for sentence, length in enumerate(lengths):
        rows, places = (packing.sentences == sentence).nonzero(as_tuple=True)
        assert len(set(rows.tolist())) == 1
        assert len(places) == length
        assert all(b == a + 1 for a, b in pairwise(places.tolist()))
    assert int((packing.sentences >= 0).sum()) == sum(lengths)


def test_few_places_are_left_empty():
    lengths = np.random.default_rng(0).geometric(0.05, 64).clip(2, 100).tolist()
    packing = in_rows(lengths)
    assert packing is not None
    assert sum(lengths) / packing.sentences.numel() > 0.9
    assert sum(lengths) / (len(lengths) * max(lengths)) < 0.4


def test_rows_are_of_few_lengths():
    packings = [in_rows([length, 1, 1, 1, 1, 1]) for length in range(9, 60)]
    assert all(p is not None and p.sentences.shape[1] % ROUND == 0 for p in packings)


@pytest.mark.parametrize("lengths", [[7], [8, 8, 8], [16, 15], [100] * 9])
def test_what_saves_nothing_is_not_packed(lengths):
    assert in_rows(lengths) is None


def test_one_row_has_no_padding_and_the_longest_sentence_first():
    packing = in_one_row(LENGTHS)
    assert packing is not None
    assert packing.sentences.shape == (1, sum(LENGTHS))
    found = [LENGTHS[n] for n in dict.fromkeys(packing.sentences[0].tolist())]
    assert found == sorted(LENGTHS, reverse=True)
    assert packing.alone is not None
    assert packing.alone.bounds.tolist() == [0, *np.cumsum(found).tolist()]


def test_a_small_encoder_is_run_with_a_little_padding():
    """What saves a large one work costs a small one more than it saves."""
    lengths = [20] * 28 + [24] * 4
    costs = [LayerCost.of(*sizes) for sizes in ((64, 4), (768, 12))]
    small, large = (packed_in_one_row(lengths, cost=cost) for cost in costs)
    assert small is None
    assert large is not None


@pytest.mark.parametrize("window", [None, 0, 3])
def test_places_see_their_own_sentence_alone(window):
    packing = in_rows(LENGTHS)
    assert packing is not None
    mask = packing.mask(window)
    assert mask.dtype == torch.bool
    rows, places = packing.sentences.shape
    assert mask.shape == (rows, 1, places, places)
    for row in range(rows):
        for one in range(places):
            for other in range(places):
                same = packing.sentences[row, one] == packing.sentences[row, other]
                near = window is None or abs(one - other) <= window
                assert bool(mask[row, 0, one, other]) == (bool(same) and near)


def test_ids_come_to_the_places_of_their_states():
    packing = in_rows(LENGTHS)
    assert packing is not None
    ids = torch.arange(1, len(LENGTHS) * max(LENGTHS) + 1).view(len(LENGTHS), -1)
    states = packing.pack(ids[..., None].float()).squeeze(-1)
    assert torch.equal(packing.pack_ids(ids, 0), states.long())
    empty = packing.sentences < 0
    assert empty.any()
    assert bool((packing.pack_ids(ids, 99)[empty] == 99).all())


def test_sentences_of_nearly_the_same_length_share_longer_rows():
    lengths = [17] * 16 + [24]
    packing = in_rows(lengths)
    assert packing is not None
    assert packing.sentences.shape[1] > max(lengths)
    assert packing.sentences.numel() < 0.95 * len(lengths) * max(lengths)


def test_rows_are_not_as_long_as_makes_attention_dear():
    packing = in_rows([250] * 40 + [256])
    assert packing is None or packing.sentences.shape[1] <= 512
