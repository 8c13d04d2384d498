import numpy as np
import pytest
import torch
from torch import nn

from alignfreeze.encoders.vocabulary import compact_vocabulary, used_ids
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder

IDS = torch.tensor([[3, 10, 11, 4], [3, 12, 4, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
USED = used_ids(IDS.numpy(), 0)


def train_steps(encoder, steps: int = 3) -> None:
    """Full-table Adam, as it always is, on whatever the encoder's parameters are now."""
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.01)
    for _ in range(steps):
        encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state.pow(2).sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_the_used_ids_are_sorted_and_hold_the_padding():
    rows = [[5, 3, 5], np.array([9, 3], dtype=np.int32)]
    assert used_ids(rows, 0).tolist() == [0, 3, 5, 9]
    assert used_ids([], 7).tolist() == [7]


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_training_the_used_rows_is_training_the_table(family):
    whole, compact = tiny_encoder(family), tiny_encoder(family)
    train_steps(whole)
    with compact_vocabulary(compact, USED):
        assert len(compact.get_input_embeddings().weight) == len(USED)
        train_steps(compact)
    for (name, one), other in zip(whole.named_parameters(), compact.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6, msg=name)


def test_the_table_is_the_same_parameter_afterwards_and_other_rows_are_untouched():
    encoder = tiny_encoder("xlm-roberta")
    embedding = encoder.get_input_embeddings()
    weight, padding, before = embedding.weight, embedding.padding_idx, embedding.weight.clone()
    with compact_vocabulary(encoder, USED):
        train_steps(encoder)
    assert embedding.weight is weight
    assert embedding.padding_idx == padding
    moved = (weight != before).any(dim=1).nonzero().flatten().tolist()
    assert moved == [row for row in USED.tolist() if row != padding]


def test_the_whole_table_is_back_for_a_while():
    encoder = tiny_encoder()
    unseen = torch.tensor([[3, 40, 41, 4]])
    before = encoder(input_ids=unseen).last_hidden_state
    with compact_vocabulary(encoder, USED) as whole:
        with pytest.raises(IndexError):
            encoder(input_ids=unseen)
        with whole():
            assert torch.equal(encoder(input_ids=unseen).last_hidden_state, before)
        assert len(encoder.get_input_embeddings().weight) == len(USED)


def test_an_exception_leaves_the_table_whole():
    encoder = tiny_encoder()
    weight = encoder.get_input_embeddings().weight
    with pytest.raises(RuntimeError, match="stop"), compact_vocabulary(encoder, USED):
        raise RuntimeError("stop")
    assert encoder.get_input_embeddings().weight is weight
    encoder(input_ids=torch.tensor([[3, 40, 41, 4]]))


def frozen_embeddings(encoder) -> None:
    encoder.get_input_embeddings().weight.requires_grad_(False)


def shared_embeddings(encoder) -> None:
    encoder.decoder = nn.Linear(16, 64, bias=False)
    encoder.decoder.weight = encoder.get_input_embeddings().weight


def bounded_embeddings(encoder) -> None:
    encoder.get_input_embeddings().max_norm = 1.0


@pytest.mark.parametrize("change", [frozen_embeddings, shared_embeddings, bounded_embeddings])
def test_what_would_not_be_exact_is_left_alone(change):
    encoder = tiny_encoder()
    change(encoder)
    weight = encoder.get_input_embeddings().weight
    with compact_vocabulary(encoder, USED) as whole, whole():
        assert encoder.get_input_embeddings().weight is weight


def test_unknown_ids_leave_the_table_alone():
    encoder = tiny_encoder()
    weight = encoder.get_input_embeddings().weight
    with compact_vocabulary(encoder, None):
        assert encoder.get_input_embeddings().weight is weight
