import logging
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alignfreeze.contracts.contrastive import contrastive_alignment_loss
from alignfreeze.encoders.families import word_states
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.errors import ConfigError
from alignfreeze.realignment.model import RealignmentModel, projection_head
from alignfreeze.realignment.pairs import (
    EncodedPair,
    EncodedSide,
    PairBatch,
    PairStream,
    collate_pairs,
)
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.runs.identity import MEMORY_FIELDS
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder
from alignfreeze.text.words import WordCounts
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.checkpoints import LossRecord
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze_objectives.contrastive import Contrastive
from alignfreeze_strategies.back import BackFreezing
from alignfreeze_strategies.front import FrontFreezing
from alignfreeze_strategies.none import NoFreezing


def side(ids: list[int], places: list[int]) -> EncodedSide:
    return EncodedSide(
        np.array(ids, dtype=np.int32), np.array(places, dtype=np.int32), n_words=len(places)
    )


def links(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


PAIRS = [
    EncodedPair(
        side([3, 10, 11, 12, 4], [1, 3]), side([3, 20, 21, 4], [1, 2]), links((0, 1), (1, 0))
    ),
    EncodedPair(side([3, 13, 4], [1]), side([3, 22, 23, 24, 25, 4], [1, 4]), links((0, 1))),
]
BATCH = collate_pairs(PAIRS, 0)
UNLINKED_PAIR = EncodedPair(PAIRS[0].source, PAIRS[0].target, links())
UNLINKED = collate_pairs([UNLINKED_PAIR], 0)


def naive_loss(encoder, head: nn.Module, layer: int) -> Tensor:
    """The loss on vectors gathered sentence by sentence and word by word."""
    sides = [p.source for p in PAIRS] + [p.target for p in PAIRS]
    vectors, numbers = [], {}
    for row, one in enumerate(sides):
        ids = torch.from_numpy(one.input_ids.astype(np.int64))[None]
        (states,) = word_states(encoder, ids, torch.ones_like(ids), (layer,))
        for word, position in enumerate(one.places.tolist()):
            numbers[row, word] = len(vectors)
            vectors.append(head(states[0, position]))
    anchors, positives = [], []
    for number, pair in enumerate(PAIRS):
        for source, target in pair.links.tolist():
            one, other = numbers[number, source], numbers[len(PAIRS) + number, target]
            anchors += [one, other]
            positives += [other, one]
    return contrastive_alignment_loss(
        torch.stack(vectors), torch.tensor(anchors), torch.tensor(positives), 0.3
    )


CONTRASTIVE = Contrastive()


def model_of(encoder, layers=(-1,), projection=5) -> RealignmentModel:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = RealignmentModel(
            encoder, CONTRASTIVE, layers=layers, projection=projection, temperature=0.3
        )
    return model.eval()


# The model


@pytest.mark.parametrize("layer", [-1, -2, 0, 3])
@pytest.mark.parametrize("projection", [0, 5])
def test_the_loss_is_that_of_vectors_gathered_by_a_loop(layer, projection):
    encoder = tiny_encoder()
    model = model_of(encoder, (layer,), projection)
    expected = naive_loss(encoder, model.heads[0], layer) * BATCH.weight
    torch.testing.assert_close(model(BATCH), expected, rtol=1e-4, atol=1e-5)


def test_several_layers_average_each_with_its_head():
    encoder = tiny_encoder()
    model = model_of(encoder, (1, -1))
    losses = [naive_loss(encoder, model.heads[n], layer) for n, layer in enumerate((1, -1))]
    expected = torch.stack(losses).mean() * BATCH.weight
    torch.testing.assert_close(model(BATCH), expected, rtol=1e-4, atol=1e-5)
    assert not torch.equal(model.heads[0][0].weight, model.heads[1][0].weight)


def test_the_projection_head_is_two_layers_without_biases():
    head = projection_head(16, 5)
    assert [tuple(p.shape) for p in head.parameters()] == [(16, 16), (5, 16)]
    words = torch.randn(3, 16)
    expected = (words @ head[0].weight.T).clamp(min=0) @ head[2].weight.T
    torch.testing.assert_close(head(words), expected)


def test_no_projection_is_no_parameter():
    encoder = tiny_encoder()
    n_parameters = len(list(model_of(encoder, projection=0).parameters()))
    assert n_parameters == len(list(encoder.parameters()))
    words = torch.randn(3, 16)
    assert projection_head(16, 0)(words) is words


def test_a_batch_without_links_has_a_loss_of_0_with_gradients():
    model = model_of(tiny_encoder(), (0, -1))
    loss = model(UNLINKED)
    assert loss.item() == 0
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads
    assert not any(grad.any() for grad in grads)


# The model, run without what is not read

MANY = [*PAIRS, *[EncodedPair(PAIRS[1].source, PAIRS[1].source, links((0, 0)))] * 3]
"""Sentences of 3 to 6 subwords."""


@pytest.mark.parametrize("layers", [(-1,), (1,), (0, -2)])
@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_packed_and_at_words_alone_the_loss_and_gradient_are_the_same(family, layers):
    encoder = tiny_encoder(family).double()
    model = model_of(encoder, layers).double()
    expected_loss, expected = loss_and_gradients(model, collate_pairs(MANY, 0))
    with packed_layers(encoder) as packed, up_to(encoder, max(n % 4 for n in layers)) as top:
        batch = collate_pairs(MANY, 0, packer=None if packed is None else ready(packed.packer))
        assert (batch.packing is None) == (family == "xlm")
        model.packed, model.top = packed, top
        loss, found = loss_and_gradients(model, batch)
    torch.testing.assert_close(loss, expected_loss)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, msg=name)


def ready(packer: partial) -> partial:
    """One that packs though it does not pay for so few."""
    return partial(packer, cost=LayerCost(160, 1, 1))


def loss_and_gradients(model: nn.Module, batch: PairBatch) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    loss = model(batch)
    loss.backward()
    named = model.named_parameters()
    return loss.detach(), {name: p.grad.clone() for name, p in named if p.grad is not None}


# The phase


def cosines(encoder, batch: PairBatch) -> tuple[float, float]:
    """Mean cosine of words that translate each other, and of all words."""
    with torch.no_grad():
        (states,) = word_states(encoder, batch.input_ids, batch.attention_mask, (-1,))
    words = nn.functional.normalize(states.flatten(0, 1)[batch.word_positions], dim=-1)
    aligned = (words[batch.anchors] * words[batch.positives]).sum(dim=1).mean()
    return float(aligned), float((words @ words.T).mean())


def test_realignment_pulls_translations_together(run, corpora, tokenizer):
    encoder = tiny_encoder()
    stream = PairStream(
        corpora, tokenizer, batch_size=60, max_length=96, mix="proportional", seed=9
    )
    batch = next(stream.batches(0))
    aligned_before, all_before = cosines(encoder, batch)
    records = run(encoder, FrontFreezing(), steps=60)
    aligned_after, all_after = cosines(encoder, batch)
    assert records[-1].loss < 0.8 * records[0].loss
    assert aligned_after > aligned_before
    assert aligned_after - all_after > aligned_before - all_before + 0.2


def test_what_is_frozen_stays_bit_identical_and_the_rest_moves(run):
    encoder = tiny_encoder()
    encoder.pooler.requires_grad_(False)
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    flags = {name: p.requires_grad for name, p in encoder.named_parameters()}
    run(encoder, FrontFreezing(), steps=3)
    moved = {n for n, p in encoder.named_parameters() if not torch.equal(p, before[n])}
    still = ("encoder.layer.0.", "encoder.layer.1.", "pooler.")
    # A shift of all keys changes no attention, and there is one kind of token.
    unfelt = ("attention.self.key.bias",)
    must_move = {n for n in before if not n.startswith(still) and not n.endswith(unfelt)}
    assert must_move <= moved
    assert not any(name.startswith(still) for name in moved)
    assert {name: p.requires_grad for name, p in encoder.named_parameters()} == flags
    assert not encoder.training


def test_the_layer_below_the_last_leaves_those_above(run):
    encoder = tiny_encoder()
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    run(encoder, NoFreezing(), steps=2, layer=(1,))
    moved = {n for n, p in encoder.named_parameters() if not torch.equal(p, before[n])}
    assert any(name.startswith("encoder.layer.1.") for name in moved)
    assert not any(name.startswith(("encoder.layer.2.", "encoder.layer.3.")) for name in moved)


def test_the_seed_decides(run):
    encoders = [tiny_encoder() for _ in range(3)]
    for encoder, seed in zip(encoders, (1, 1, 2), strict=True):
        run(encoder, NoFreezing(), steps=2, seed=seed)
    one, again, other = ([p.detach() for p in encoder.parameters()] for encoder in encoders)
    assert all(map(torch.equal, one, again))
    assert not all(map(torch.equal, one, other))


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_every_family_takes_a_step_and_keeps_a_checkpoint(run, family):
    encoder = tiny_encoder(family)
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    run(encoder, FrontFreezing(), steps=2, layer=(-2, -1), projection=4, checkpoint_steps=1)
    moved = {n for n, p in encoder.named_parameters() if not torch.equal(p, before[n])}
    assert moved
    run(encoder, FrontFreezing(), steps=3, layer=(-2, -1), projection=4, resume=True)


def test_a_strategy_that_does_not_fit_is_named(run):
    with pytest.raises(ConfigError, match="strategy 'front': boundary must be <= 4"):
        run(tiny_encoder(), FrontFreezing(boundary=5), steps=1)


def test_lost_words_are_told(run, corpora):
    told = []
    run(tiny_encoder(), NoFreezing(), steps=1, realign_max_length=8, on_words=told.append)
    rows = corpora[0].rows(range(60))
    n_words = sum(len(row.source) for row in rows)
    n_cut = sum(max(0, len(row.source) - 6) for row in rows)
    counts = WordCounts(n_words, 0, 0, cut=n_cut, subwords=n_words - n_cut)  # one a word
    assert told == [dict.fromkeys(("en", "fr"), counts)]
    assert n_cut > 0


# The fast ways

HALF = {"boundary": 2, "embeddings": True}


def realigned(run, encoder=None, **options) -> tuple[list[LossRecord], dict[str, Tensor]]:
    encoder = without_dropout(tiny_encoder()) if encoder is None else encoder
    records = run(encoder, FrontFreezing(**HALF), steps=20, **options)
    return records, {name: p.detach() for name, p in encoder.named_parameters()}


def without_dropout(encoder):
    """So that a prefix in evaluation mode computes what one in training mode does."""
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return encoder


def assert_same(one, other) -> None:
    torch.testing.assert_close(
        [loss for _, loss in one[0]], [loss for _, loss in other[0]], rtol=1e-4, atol=1e-4
    )
    for name, parameter in one[1].items():
        if name.endswith("key.bias"):
            continue  # a shift of all keys changes no attention: its gradient is noise
        torch.testing.assert_close(other[1][name], parameter, rtol=1e-3, atol=1e-4, msg=name)


def test_a_cached_prefix_changes_nothing_but_the_prefixs_dropout(run, tmp_path, caplog):
    cache = PrefixCache(1, tmp_path / "prefixes")
    exact = realigned(run, prefixes=cache, prefix="exact")
    with caplog.at_level(logging.INFO, logger="alignfreeze.realignment.phase"):
        first = realigned(run, prefixes=cache, prefix="cached")
        again = realigned(run, prefixes=cache, prefix="cached", temperature=0.1)
    assert_same(exact, first)
    assert_same(exact, again)
    said = [r.getMessage() for r in caplog.records if "frozen prefix" in r.getMessage()]
    assert said == [
        "frozen prefix of 2 layers: 120 sentences run, 200 found; 120 are kept, 0 of them on disk",
        "frozen prefix of 2 layers: 0 sentences run, 320 found; 120 are kept, 0 of them on disk",
    ]


def killed_at(monkeypatch, step: int) -> None:
    """Let the process be ended, without a last word, when it asks for the batch of a step."""
    batches = PairStream.batches

    def fail(self, start):
        for number, batch in enumerate(batches(self, start), start):
            if number == step - 1:
                raise KeyboardInterrupt("killed")
            yield batch

    monkeypatch.setattr(PairStream, "batches", fail)


@pytest.mark.parametrize("at", [2, 8, 15])
@pytest.mark.parametrize("memory", [0, 1])
def test_a_cached_prefix_goes_on_to_the_same_bits(run, tmp_path, monkeypatch, at, memory):
    """After an end at any step, and whatever memory there is then."""
    options = {"prefix": "cached", "checkpoint_steps": 3}
    expected = realigned(run, prefixes=PrefixCache(1, tmp_path), **options)
    with monkeypatch.context() as patch:
        killed_at(patch, at)
        with pytest.raises(KeyboardInterrupt, match="killed"):
            realigned(run, prefixes=PrefixCache(1, tmp_path), **options)
    again = realigned(run, prefixes=PrefixCache(memory, tmp_path), resume=True, **options)
    assert_same_bits(again, expected)


def test_the_history_of_a_search_changes_no_bit(run, tmp_path):
    """Trials before it, of lower boundaries and other orders, have left what they have left."""
    options = {"prefix": "cached"}
    expected = realigned(run, prefixes=PrefixCache(1, tmp_path), **options)
    for memory in (0, 1):
        cache = PrefixCache(memory, tmp_path)
        lower = FrontFreezing(boundary=1, embeddings=True)
        run(tiny_encoder(), lower, steps=3, prefixes=cache, seed=5, **options)
        run(tiny_encoder(), FrontFreezing(**HALF), steps=3, prefixes=cache, seed=6, **options)
        assert_same_bits(realigned(run, prefixes=cache, **options), expected)


def assert_same_bits(one, other) -> None:
    assert one[0] == other[0]
    different = [name for name in one[1] if not torch.equal(one[1][name], other[1][name])]
    assert different == []


def test_a_prefix_with_trained_embeddings_is_run_at_every_step(run, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="alignfreeze.realignment.phase"):
        run(
            tiny_encoder(),
            FrontFreezing(boundary=2),
            steps=2,
            prefixes=PrefixCache(1, tmp_path),
            prefix="cached",
        )
    assert "frozen prefix" not in caplog.text


SAVING = {"prefix_memory": 0, "activation_checkpointing": True}


def test_each_way_to_save_memory_is_tried():
    assert SAVING.keys() == MEMORY_FIELDS


@pytest.mark.parametrize("way", SAVING)
def test_ways_to_save_memory_change_nothing(run, tmp_path, way):
    """To the bit, dropout included: they are not in the hash of a phase."""

    def kept(options):
        prefixes = PrefixCache(options.get("prefix_memory", 1), tmp_path)
        return realigned(run, tiny_encoder(), prefixes=prefixes, **options)

    assert_same_bits(kept({}), kept({way: SAVING[way]}))


def test_a_block_of_similarities_changes_no_more_than_rounding(run):
    assert_same(realigned(run), realigned(run, loss_block=3))


def test_a_batch_computes_no_gradients_of_frozen_weights(kept_bytes):
    """With the upper half frozen, what their weights' gradients would need is not kept either."""
    encoder = tiny_encoder()
    model = model_of(encoder)
    everything = kept_bytes(lambda: model(BATCH))
    with frozen(encoder, BackFreezing(boundary=2)):
        less = kept_bytes(lambda: model(BATCH))
        model(BATCH).backward()
    assert less < everything
    names = {name for name, p in encoder.named_parameters() if p.grad is not None}
    assert any(name.startswith("encoder.layer.1.") for name in names)
    assert not any(name.startswith(("encoder.layer.2.", "encoder.layer.3.")) for name in names)


def test_no_step_waits_for_the_device(run, waits):
    """However many steps there are between two records of the loss, the waits are the records'."""
    counts = [
        waits(lambda n=steps: run(tiny_encoder(), NoFreezing(), steps=n, projection=4))
        for steps in (2, 9)
    ]
    assert counts[0] == counts[1] > 0


def test_accumulation_saves_the_memory_that_larger_batches_take(run, kept_bytes):
    def kept(**options) -> int:
        return kept_bytes(lambda: run(tiny_encoder(), NoFreezing(), steps=2, **options))

    assert kept(realign_batch_size=8, accumulation=4) < 0.5 * kept(realign_batch_size=32)
