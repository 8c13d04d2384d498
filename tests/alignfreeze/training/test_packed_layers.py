from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from alignfreeze.contracts import Feature
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder
from alignfreeze.training.acceleration import accelerated, compiled_layers
from alignfreeze.training.batches import FeatureBatch, collate_features
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.packing import Packer, in_one_row, in_rows

PACKABLE = ["bert", "deberta-v2", "distilbert", "electra", "modernbert", "xlm-roberta"]
SIBLINGS = ["camembert", "roberta"]
"""Families with the layers of XLM-R, and its configuration under another name."""
LENGTHS = [3, 20, 5, 9, 2, 7, 7]
COST = LayerCost(place=160, pair=1, bunch=1)
ONE_ROW, ROWS = partial(in_one_row, cost=COST), partial(in_rows, cost=COST)


@pytest.fixture(autouse=True)
def _packing_pays(monkeypatch):
    """Though encoders are tiny."""
    monkeypatch.setattr(LayerCost, "of", lambda *sizes: COST)


def features(kind: str) -> list[Feature]:
    random = np.random.default_rng(1)
    rows = []
    for example, length in enumerate(LENGTHS):
        ids = random.integers(3, 60, length).tolist()
        targets = {
            "tagging": {"labels": [number % 2 for number in ids]},
            "classification": {"labels": example % 2},
            "spans": {"start_positions": 0, "end_positions": length - 1},
        }[kind]
        rows.append(Feature(ids, targets, example))
    return rows


def batch_of(kind: str, padding: int = 0, packer: Packer | None = None) -> FeatureBatch:
    return collate_features(features(kind), np.arange(len(LENGTHS)), padding, packer=packer)


def model_of(family: str, auto_class: type, **options: object) -> nn.Module:
    config = tiny_encoder("xlm-roberta" if family in SIBLINGS else family).config
    if family in SIBLINGS:
        config = AutoConfig.for_model(**(config.to_dict() | {"model_type": family}))
    torch.manual_seed(0)
    return auto_class.from_config(config, **options).eval()


def loss_and_gradients(model, batch, layers=None):
    model.zero_grad()
    loss = TaskModel(model, layers)(batch)
    loss.backward()
    named = model.named_parameters()
    return loss.detach(), {name: p.grad.clone() for name, p in named if p.grad is not None}


@pytest.mark.parametrize(
    ("family", "attention"),
    [(family, "eager") for family in PACKABLE + SIBLINGS]
    + [(family, "sdpa") for family in PACKABLE + SIBLINGS if family != "deberta-v2"],
)
@pytest.mark.parametrize(
    ("auto_class", "kind"),
    [
        (AutoModelForTokenClassification, "tagging"),
        (AutoModelForSequenceClassification, "classification"),
    ],
)
def test_a_packed_batch_has_the_same_loss_and_gradient(family, auto_class, kind, attention):
    model = model_of(family, auto_class, attn_implementation=attention)
    assert model.config.model_type == family
    assert_packed_alike(model, kind)


@pytest.mark.parametrize("family", [family for family in PACKABLE if family != "deberta-v2"])
def test_layers_that_are_compiled_have_a_mask(family):
    model = model_of(family, AutoModelForTokenClassification)
    assert_packed_alike(model, "tagging", compiled=True)


def assert_packed_alike(
    model: nn.Module, kind: str, *, compiled: bool = False, edit: tuple[int, ...] = ()
) -> None:
    padding = model.config.pad_token_id or 0
    before = model.config._attn_implementation
    with packed_layers(model, compiled=compiled) as layers:
        assert layers is not None
        one_row = before == "sdpa" and not compiled
        assert layers.packer.func is (in_one_row if one_row else in_rows)
        batch = batch_of(kind, padding, layers.packer)
        assert batch.packing is not None
        assert (batch.packing.alone is not None) == one_row
        if edit:
            batch.inputs["input_ids"][edit] = padding
        expected_loss, expected = loss_and_gradients(model, batch)
        loss, found = loss_and_gradients(model, batch, layers)
    assert model.config._attn_implementation == before
    torch.testing.assert_close(loss, expected_loss, rtol=1e-5, atol=1e-5)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_window_of_attention_stays_as_wide(attention):
    config = tiny_encoder("modernbert").config
    config.sliding_window = 2
    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_config(config, attn_implementation=attention)
    batch = batch_of("tagging")
    narrow = model.eval()(**batch.inputs).logits
    assert_packed_alike(model, "tagging")
    config.sliding_window = 20
    assert not torch.allclose(model(**batch.inputs).logits, narrow, atol=1e-4)


def test_a_family_counts_its_positions_as_ever():
    model = model_of("xlm-roberta", AutoModelForTokenClassification)
    assert_packed_alike(model, "tagging", edit=(1, 4))  # an id of padding as text


def test_layers_that_mix_neighbours_are_left_alone():
    config = tiny_encoder("deberta-v2").config
    config.conv_kernel_size = 3
    with packed_layers(AutoModelForTokenClassification.from_config(config)) as layers:
        assert layers is None


def test_a_span_is_scored_as_before_within_its_row():
    model = model_of("bert", AutoModelForQuestionAnswering)
    batch = batch_of("spans", packer=ONE_ROW)
    expected = model(**batch.inputs)
    with packed_layers(model) as layers, layers.packed(batch.packing):
        found = model(**batch.inputs)
    shown = batch.inputs["attention_mask"].bool()
    for name in ("start_logits", "end_logits"):
        torch.testing.assert_close(found[name][shown], expected[name][shown])


def test_layers_run_fewer_rows():
    model = model_of("bert", AutoModelForTokenClassification)
    batch = batch_of("tagging", packer=ONE_ROW)
    shapes = []
    layer = model.bert.encoder.layer[1]
    hook = layer.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
    with packed_layers(model) as layers:
        TaskModel(model, layers)(batch)
    TaskModel(model)(batch)
    hook.remove()
    assert shapes == [(1, sum(LENGTHS), 16), (7, 20, 16)]


def test_the_model_is_as_before_without_a_packing_and_after():
    model = model_of("bert", AutoModelForTokenClassification)
    batch = batch_of("tagging", packer=ONE_ROW)
    expected = model(**batch.inputs).logits
    with packed_layers(model) as layers:
        with pytest.raises(RuntimeError, match="in the middle"), layers.packed(batch.packing):
            raise RuntimeError("in the middle")
        assert torch.equal(model(**batch.inputs).logits, expected)
    assert torch.equal(model(**batch.inputs).logits, expected)
    assert not model.bert.encoder._forward_pre_hooks
    assert not model.bert.encoder._forward_hooks


@pytest.mark.parametrize("family", sorted(set(ENCODER_FAMILIES) - set(PACKABLE)))
def test_other_families_are_left_alone(family):
    model = model_of(family, AutoModelForTokenClassification)
    with packed_layers(model) as layers:
        assert layers is None


def test_packed_layers_may_keep_their_inputs_alone():
    model = model_of("bert", AutoModelForTokenClassification).train()
    batch = batch_of("tagging", packer=ONE_ROW)
    with packed_layers(model) as layers:
        torch.manual_seed(0)
        _, expected = loss_and_gradients(model, batch, layers)
        with accelerated(model, compiled=False, activation_checkpointing=True):
            torch.manual_seed(0)
            _, found = loss_and_gradients(model, batch, layers)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], msg=name)


@pytest.mark.filterwarnings("ignore:The .grad attribute", "ignore:`torch.jit.script_method` is")
def test_packed_layers_may_be_compiled():
    model = model_of("bert", AutoModelForTokenClassification)
    batch = batch_of("tagging", packer=ROWS)
    torch.compiler.reset()
    with packed_layers(model, compiled=True) as layers:
        _, expected = loss_and_gradients(model, batch, layers)
        with compiled_layers(model, backend="aot_eager"):
            _, found = loss_and_gradients(model, batch, layers)
    torch.compiler.reset()
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6, msg=name)
