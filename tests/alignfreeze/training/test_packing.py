from itertools import pairwise

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
from alignfreeze.training.packing import ROUND, packed_layers, packing_of

PACKABLE = ["bert", "distilbert", "electra", "xlm-roberta"]
SIBLINGS = ["camembert", "roberta"]
"""Families with the layers of XLM-R, and its configuration under another name."""
LENGTHS = [3, 20, 5, 9, 2, 7, 7]


# Where subwords lie


def random_lengths(seed: int) -> list[int]:
    random = np.random.default_rng(seed)
    return random.integers(1, random.integers(3, 60), random.integers(1, 40)).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_states_come_back_to_where_they_were(seed):
    lengths = random_lengths(seed)
    packing = packing_of([*lengths, 60])
    assert packing is not None
    states = torch.randn(len(lengths) + 1, 60, 4)
    packed = packing.pack(states)
    assert packed.shape == (*packing.sentences.shape, 4)
    found = packing.unpack(packed, states.shape)
    for one, other, length in zip(found, states, [*lengths, 60], strict=True):
        assert torch.equal(one[:length], other[:length])
        assert not one[length:].any()


@pytest.mark.parametrize("seed", range(20))
def test_each_sentence_is_in_one_row_and_in_one_piece(seed):
    lengths = [*random_lengths(seed), 60]
    packing = packing_of(lengths)
    assert packing is not None
    for sentence, length in enumerate(lengths):
        rows, places = (packing.sentences == sentence).nonzero(as_tuple=True)
        assert len(set(rows.tolist())) == 1
        assert len(places) == length
        assert all(b == a + 1 for a, b in pairwise(places.tolist()))
    assert int((packing.sentences >= 0).sum()) == sum(lengths)


def test_few_places_are_left_empty():
    lengths = np.random.default_rng(0).geometric(0.05, 64).clip(2, 100).tolist()
    packing = packing_of(lengths)
    assert packing is not None
    assert sum(lengths) / packing.sentences.numel() > 0.9
    assert sum(lengths) / (len(lengths) * max(lengths)) < 0.4


def test_rows_are_of_few_lengths():
    packings = [packing_of([length, 1, 1, 1, 1, 1]) for length in range(9, 60)]
    assert all(p is not None and p.sentences.shape[1] % ROUND == 0 for p in packings)


@pytest.mark.parametrize("lengths", [[7], [8, 8, 8], [16, 15], [1, 1]])
def test_what_saves_nothing_is_not_packed(lengths):
    assert packing_of(lengths) is None


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.bfloat16])
def test_places_see_their_own_sentence_alone(dtype):
    packing = packing_of(LENGTHS)
    assert packing is not None
    mask = packing.mask(torch.zeros(1, dtype=dtype))
    assert mask.dtype == dtype
    rows, places = packing.sentences.shape
    assert mask.shape == (rows, 1, places, places)
    for row in range(rows):
        for one in range(places):
            for other in range(places):
                seen = mask[row, 0, one, other]
                same = packing.sentences[row, one] == packing.sentences[row, other]
                assert bool(seen if dtype == torch.bool else seen == 0) == bool(same)
    assert mask.dtype == torch.bool or bool(mask.isfinite().all())


# A model that runs them


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


def batch_of(kind: str, padding: int = 0) -> FeatureBatch:
    return collate_features(features(kind), np.arange(len(LENGTHS)), padding, packed=True)


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


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(
    ("auto_class", "kind"),
    [
        (AutoModelForTokenClassification, "tagging"),
        (AutoModelForSequenceClassification, "classification"),
    ],
)
@pytest.mark.parametrize("family", PACKABLE + SIBLINGS)
def test_a_packed_batch_has_the_same_loss_and_gradient(family, auto_class, kind, attention):
    model = model_of(family, auto_class, attn_implementation=attention)
    batch = batch_of(kind, model.config.pad_token_id)
    assert model.config.model_type == family
    assert batch.packing is not None
    expected_loss, expected = loss_and_gradients(model, batch)
    with packed_layers(model) as layers:
        assert layers is not None
        loss, found = loss_and_gradients(model, batch, layers)
    torch.testing.assert_close(loss, expected_loss, rtol=1e-5, atol=1e-5)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-5, msg=name)


def test_a_span_is_scored_as_before_within_its_row():
    model = model_of("bert", AutoModelForQuestionAnswering)
    batch = batch_of("spans")
    expected = model(**batch.inputs)
    with packed_layers(model) as layers, layers.packed(batch.packing):
        found = model(**batch.inputs)
    shown = batch.inputs["attention_mask"].bool()
    for name in ("start_logits", "end_logits"):
        torch.testing.assert_close(found[name][shown], expected[name][shown])


def test_layers_run_fewer_rows():
    model = model_of("bert", AutoModelForTokenClassification)
    batch = batch_of("tagging")
    shapes = []
    layer = model.bert.encoder.layer[1]
    hook = layer.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
    with packed_layers(model) as layers:
        TaskModel(model, layers)(batch)
    TaskModel(model)(batch)
    hook.remove()
    assert shapes == [(3, 24, 16), (7, 20, 16)]


def test_the_model_is_as_before_without_a_packing_and_after():
    model = model_of("bert", AutoModelForTokenClassification)
    batch = batch_of("tagging")
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
    batch = batch_of("tagging")
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
    batch = batch_of("tagging")
    torch.compiler.reset()
    with packed_layers(model) as layers:
        _, expected = loss_and_gradients(model, batch, layers)
        with compiled_layers(model, backend="aot_eager"):
            _, found = loss_and_gradients(model, batch, layers)
    torch.compiler.reset()
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6, msg=name)
