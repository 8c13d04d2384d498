import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from transformers import AutoModelForTokenClassification, masking_utils

from alignfreeze.errors import ConfigError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder
from alignfreeze.training.acceleration import (
    FEWEST,
    PEEK,
    accelerated,
    compiled_layers,
    fast_dropout,
    unread_masks,
)

IDS = torch.tensor([[3, 10, 11, 12, 4], [3, 20, 4, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def loss_of(encoder) -> Tensor:
    return encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state.pow(2).mean()


def gradients(encoder) -> dict[str, Tensor]:
    encoder.zero_grad()
    torch.manual_seed(0)
    loss_of(encoder).backward()
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


# Activation checkpointing


@pytest.mark.parametrize("family", [family for family in ENCODER_FAMILIES if family != "xlm"])
def test_checkpointing_gives_the_same_gradient_with_fewer_activations(family, kept_bytes):
    encoder = tiny_encoder(family).train()
    expected = gradients(encoder)
    plain = kept_bytes(lambda: loss_of(encoder))
    with accelerated(encoder, compiled=False, activation_checkpointing=True):
        found = gradients(encoder)
        fewer = kept_bytes(lambda: loss_of(encoder))
    assert fewer < 0.5 * plain
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, msg=name)
    assert kept_bytes(lambda: loss_of(encoder)) == plain


def test_a_family_without_checkpointing_is_named():
    encoder = tiny_encoder()
    type(encoder).supports_gradient_checkpointing, before = False, True
    try:
        with (
            pytest.raises(ConfigError, match="for models such as BertModel, which do not support"),
            accelerated(encoder, compiled=False, activation_checkpointing=True),
        ):
            pass
    finally:
        type(encoder).supports_gradient_checkpointing = before


# Compilation


torchs_own_warnings = pytest.mark.filterwarnings(
    "ignore:The .grad attribute", "ignore:`torch.jit.script_method` is deprecated"
)
"""Of what the compiler does inside."""


@pytest.fixture
def fresh_compiler():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@torchs_own_warnings
def test_layers_are_compiled_once_for_all_lengths(fresh_compiler):
    encoder = tiny_encoder().train()
    expected = [p.clone() for p in encoder.parameters()]
    counted = torch._dynamo.utils.counters["stats"]
    with compiled_layers(encoder, backend="eager"):
        loss_of(encoder).backward()
        before = counted["unique_graphs"]
        assert before > 0
        with torch.compiler.set_stance("fail_on_recompile"):
            for length in (4, 7, 9, 16, 30):
                ids = torch.full((4, length), 5)
                mask = torch.ones_like(ids)
                mask[0, -1] = 0
                with unread_masks():
                    encoder(input_ids=ids, attention_mask=mask).last_hidden_state.sum().backward()
    assert counted["unique_graphs"] == before
    assert all(layer._compiled_call_impl is None for layer in encoder.encoder.layer)
    assert all(map(torch.equal, expected, encoder.parameters()))


@torchs_own_warnings
@pytest.mark.parametrize("family", ["xlm-roberta", "modernbert"])
def test_a_compiled_encoder_computes_the_same(fresh_compiler, family):
    encoder = tiny_encoder(family, n_layers=2)  # of ModernBERT one attends globally, one locally
    expected = gradients(encoder)
    with compiled_layers(encoder, backend="aot_eager"):
        found = gradients(encoder)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


@torchs_own_warnings
def test_a_task_model_is_compiled_below_its_head(fresh_compiler):
    model = AutoModelForTokenClassification.from_config(tiny_encoder().config)
    with accelerated(model, compiled=True, activation_checkpointing=False):
        assert all(layer._compiled_call_impl is not None for layer in model.bert.encoder.layer)
    assert all(layer._compiled_call_impl is None for layer in model.bert.encoder.layer)


def test_layers_side_by_side_are_not_compiled():
    with (
        pytest.raises(
            ConfigError, match="compile must be false: model 'XLMModel' keeps its layers"
        ),
        accelerated(tiny_encoder("xlm"), compiled=True, activation_checkpointing=False),
    ):
        pass


# Masks


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "distilbert", "modernbert", "electra"])
def test_masks_are_made_without_a_wait_and_mean_the_same(family, waits):
    encoder = tiny_encoder(family)
    for mask in (MASK, torch.ones_like(MASK)):
        expected = encoder(input_ids=IDS, attention_mask=mask).last_hidden_state
        assert waits(lambda m=mask: encoder(input_ids=IDS, attention_mask=m)) > 0
        with unread_masks():
            found = encoder(input_ids=IDS, attention_mask=mask).last_hidden_state
            assert waits(lambda m=mask: encoder(input_ids=IDS, attention_mask=m)) == 0
        torch.testing.assert_close(found * mask[..., None], expected * mask[..., None])


def test_transformers_looks_again_afterwards():
    peek = getattr(masking_utils, PEEK)
    with pytest.raises(RuntimeError, match="stop"), unread_masks():
        raise RuntimeError("stop")
    assert getattr(masking_utils, PEEK) is peek


# Dropout


CPU = torch.device("cpu")


def dropped(size: int, p: float = 0.1, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return F.dropout(torch.ones(size), p)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_as_many_are_dropped_as_should_be(p):
    with fast_dropout(CPU):
        mask = dropped(4 * FEWEST, p)
    assert set(mask.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p)).item()}
    assert (mask == 0).float().mean().item() == pytest.approx(p, abs=0.005)


def test_probability_1_keeps_and_0_drops_everything():
    with fast_dropout(CPU):
        assert torch.empty(FEWEST).bernoulli_(1.0).all()
        assert not torch.empty(FEWEST).bernoulli_(0.0).any()


def test_the_generators_state_decides():
    with fast_dropout(CPU):
        assert torch.equal(dropped(FEWEST), dropped(FEWEST))
        assert not torch.equal(dropped(FEWEST), dropped(FEWEST, seed=1))
        torch.manual_seed(0)
        first, second = F.dropout(torch.ones(FEWEST), 0.5), F.dropout(torch.ones(FEWEST), 0.5)
        assert (first == second).float().mean().item() == pytest.approx(0.5, abs=0.01)
        own = torch.Generator().manual_seed(3)
        one = torch.empty(FEWEST).bernoulli_(0.5, generator=own)
        assert torch.equal(one, torch.empty(FEWEST).bernoulli_(0.5, generator=own.manual_seed(3)))


def test_neighbours_are_independent():
    with fast_dropout(CPU):
        kept = torch.empty(4 * FEWEST).bernoulli_(0.5)
    for distance in (1, 2, 3, 4, 384):
        same = (kept[distance:] == kept[:-distance]).float().mean().item()
        assert same == pytest.approx(0.5, abs=0.005)


def test_small_masks_and_what_comes_after_are_those_of_ever():
    before = dropped(FEWEST - 1)
    large = dropped(FEWEST)
    with fast_dropout(CPU):
        assert torch.equal(dropped(FEWEST - 1), before)
        assert not torch.equal(dropped(FEWEST), large)
    assert torch.equal(dropped(FEWEST), large)


def test_an_exception_gives_the_operator_back():
    large = dropped(FEWEST)
    with pytest.raises(RuntimeError, match="stop"), fast_dropout(CPU):
        raise RuntimeError("stop")
    assert torch.equal(dropped(FEWEST), large)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_of_any_type_and_shape(dtype):
    with fast_dropout(CPU):
        mask = torch.empty(3, FEWEST, dtype=dtype)[:, ::2].bernoulli_(0.5)
    assert mask.shape == (3, FEWEST // 2)
    assert set(mask.unique().tolist()) == {0.0, 1.0}


def test_attention_and_gradients_go_through_it():
    x = torch.randn(2, 4, 128, 8, requires_grad=True)
    with fast_dropout(CPU):
        F.scaled_dot_product_attention(x, x, x, dropout_p=0.5).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_another_device_is_left_alone():
    large = dropped(FEWEST)
    with fast_dropout(torch.device("meta")):
        assert torch.equal(dropped(FEWEST), large)
