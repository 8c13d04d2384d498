from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from alignfreeze.training import packed_attention
from alignfreeze.training.bunches import LayerCost, Sentences

LENGTHS = [150, 9, 8, 8, 3, 1]
CPU = torch.device("cpu")
COST = LayerCost(place=10, pair=1, bunch=1)


def drawn() -> list[torch.Tensor]:
    """Queries, keys and values, as the layers of transformers have them."""
    torch.manual_seed(0)
    shape = 1, sum(LENGTHS), 4, 8
    return [torch.randn(shape, dtype=torch.double).transpose(1, 2) for _ in range(3)]


def one_by_one(states, window=None, scale=None):
    """Attention within each sentence, of shape (1, places, heads, width)."""
    parts = []
    for own in zip(*(s.split(LENGTHS, dim=2) for s in states), strict=True):
        numbers = torch.arange(own[0].shape[2])
        near = None if window is None else (numbers[:, None] - numbers).abs() <= window
        parts.append(scaled_dot_product_attention(*own, attn_mask=near, scale=scale))
    return torch.cat(parts, dim=2).transpose(1, 2)


@pytest.mark.parametrize(("sliding", "scaling"), [(None, None), (3, 0.2), (1, None)])
def test_each_sentence_sees_itself_alone(sliding, scaling):
    states, sentences = drawn(), Sentences.of(LENGTHS, COST)
    assert len(sentences.bunches) > 1
    options = {"sentences": sentences, "sliding_window": sliding, "scaling": scaling}
    found, weights = packed_attention.packed_attention(nn.Identity(), *states, None, **options)
    window = None if sliding is None else sliding - 1
    torch.testing.assert_close(found, one_by_one(states, window, scaling))
    assert weights is None


def test_weights_are_dropped():
    states, sentences = drawn(), Sentences.of(LENGTHS, COST)
    given = *states, None
    attend = packed_attention.packed_attention
    one, other = (attend(nn.Identity(), *given, sentences=sentences, dropout=0.5) for _ in range(2))
    assert not torch.equal(one[0], other[0])


def test_without_sentences_it_is_the_attention_of_transformers():
    states, module = drawn(), nn.Identity()
    module.is_causal = False
    mask = torch.rand(1, 1, sum(LENGTHS), sum(LENGTHS)) > 0.5
    found, _ = packed_attention.packed_attention(module, *states, mask, scaling=0.2)
    expected = scaled_dot_product_attention(*states, attn_mask=mask, scale=0.2)
    torch.testing.assert_close(found, expected.transpose(1, 2))


@pytest.fixture
def kernel(monkeypatch):
    """PyTorch's flash attention of any length, which CPUs do not have, one sentence at a time."""
    calls = SimpleNamespace(wrong=0.0, odd=0.0, given=None)

    def attend(query, key, value, bounds, _, longest, *others, **options):
        calls.given = longest, others, options
        lengths = bounds.diff().tolist()
        parts = zip(*(s.split(lengths) for s in (query, key, value)), strict=True)
        found = [
            scaled_dot_product_attention(*(p.transpose(0, 1) for p in own)).transpose(0, 1)
            for own in parts
        ]
        calls.wrong += calls.odd
        return torch.cat(found) * (1 + calls.wrong), None

    ops = SimpleNamespace(aten=SimpleNamespace(_flash_attention_forward=attend))
    monkeypatch.setattr(packed_attention.torch, "ops", ops)
    packed_attention.attends_to_any_length.cache_clear()
    yield calls
    packed_attention.attends_to_any_length.cache_clear()


def test_flash_attention_is_called_with_the_bounds_of_sentences(kernel):
    states, sentences = drawn(), Sentences.of(LENGTHS, COST)
    rows = [own[0].transpose(0, 1) for own in states]
    how = packed_attention.Attending(dropout=0.1, window=5)
    found = packed_attention.of_any_length(rows, sentences, how)
    torch.testing.assert_close(found[None], one_by_one(states))
    longest, others, given = kernel.given
    assert (longest, others) == (150, (150, 0.1, False, False))
    assert given == {"scale": None, "window_size_left": 5, "window_size_right": 5}


def test_flash_attention_is_used_where_it_is_right_and_the_same_each_time(kernel):
    assert packed_attention.attends_to_any_length(CPU, torch.float32, 8)


@pytest.mark.parametrize(
    ("fault", "said"),
    [("wrong", "is not that of PyTorch's attention"), ("odd", "is another each time")],
)
def test_flash_attention_is_passed_over_where_it_is_not(kernel, caplog, fault, said):
    setattr(kernel, fault, {"wrong": 0.5, "odd": 0.001}[fault])
    with caplog.at_level("INFO"):
        assert not packed_attention.attends_to_any_length(CPU, torch.float32, 8)
    assert said in caplog.text


def test_a_cpu_has_none(caplog):
    packed_attention.attends_to_any_length.cache_clear()
    with caplog.at_level("INFO"):
        assert not packed_attention.attends_to_any_length(CPU, torch.float32, 8)
    assert "packed rows are attended to under a mask: Could not run" in caplog.text
