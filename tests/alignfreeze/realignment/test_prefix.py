import logging
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModel, BertConfig, RobertaConfig

from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.sections import EncoderSection
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import PairBatch
from alignfreeze.realignment.prefix import FrozenPrefix, cut_prefix, prefix_length
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.testing import tiny_encoder
from alignfreeze.training.batches import padded
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.packing import in_one_row
from alignfreeze_objectives.contrastive import Contrastive
from alignfreeze_strategies.back import BackFreezing
from alignfreeze_strategies.front import FrontFreezing
from alignfreeze_strategies.range import RangeFreezing

SENTENCES = [[3, 10, 11, 12, 4], [3, 20, 4], [3, 21, 22, 4], [3, 20, 4]]


def batch_of(sentences: list[list[int]] = SENTENCES) -> PairBatch:
    """Sentence pairs whose second subwords translate each other."""
    longest = max(map(len, sentences))
    n_pairs = len(sentences) // 2
    firsts = torch.arange(len(sentences)) * longest + 1
    rows = torch.arange(n_pairs)
    return PairBatch(
        input_ids=padded(sentences, longest, 0),
        attention_mask=padded([[1] * len(s) for s in sentences], longest, 0),
        word_positions=firsts,
        sentences=torch.arange(len(sentences)),
        anchors=torch.cat([rows, rows + n_pairs]),
        positives=torch.cat([rows + n_pairs, rows]),
        size=n_pairs,
        weight=2 * n_pairs,
    )


BATCH = batch_of()


def packed_batch(batch: PairBatch) -> PairBatch:
    packing = in_one_row(batch.attention_mask.sum(dim=1).tolist(), cost=LayerCost(160, 1, 1))
    assert packing is not None
    return replace(batch, packing=packing, word_positions=packing.place(batch.word_positions))


@pytest.fixture
def cache(tmp_path) -> PrefixCache:
    return PrefixCache(1, tmp_path / "prefixes")


# Which layers


@pytest.mark.parametrize(
    ("strategy", "realigned", "length"),
    [
        (FrontFreezing(boundary=2, embeddings=True), (-1,), 2),
        (FrontFreezing(boundary=3, embeddings=True), (-1,), 3),
        (FrontFreezing(boundary=3, embeddings=True), (1, -1), 1),
        (FrontFreezing(boundary=2), (-1,), 0),
        (BackFreezing(boundary=2), (-1,), 0),
        (RangeFreezing(start=1, end=3, embeddings=True), (-1,), 0),
    ],
)
def test_the_frozen_prefix_begins_with_the_embeddings(strategy, realigned, length):
    encoder = tiny_encoder()
    with frozen(encoder, strategy) as summary:
        assert prefix_length(encoder, summary, realigned) == length


# What it makes of sentences


def test_states_are_those_that_the_encoder_comes_to(cache, accelerator):
    encoder = tiny_encoder()
    states = FrozenPrefix(encoder, 2, cache, accelerator, longest=32).states(BATCH)
    hidden = encoder(
        input_ids=BATCH.input_ids, attention_mask=BATCH.attention_mask, output_hidden_states=True
    ).hidden_states[2]
    mask = BATCH.attention_mask[..., None]
    torch.testing.assert_close(states * mask, hidden * mask)
    assert not states.requires_grad


@pytest.mark.parametrize("unread", [True, False])
@pytest.mark.parametrize("training", [False, True])
def test_the_upper_layers_have_the_same_loss_and_gradient(cache, accelerator, training, unread):
    """Also in training, where the encoder's dropout is off: the prefix is in evaluation mode.

    And without what nothing reads: packed, the top layer at words alone.
    """
    encoder = tiny_encoder()
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    encoder.config.attention_probs_dropout_prob = 0.0
    encoder.train(training)
    for layer in encoder.encoder.layer:
        layer.attention.self.dropout.p = 0.0
    options = {"layers": (-1,), "projection": 0, "temperature": 0.1}
    with frozen(encoder, FrontFreezing(boundary=2, embeddings=True)):
        plain = RealignmentModel(encoder, Contrastive(), **options)(BATCH)
        plain.backward()
        expected = {n: p.grad.clone() for n, p in encoder.named_parameters() if p.grad is not None}
        encoder.zero_grad()
        prefix = FrozenPrefix(encoder, 2, cache, accelerator, longest=32)
        prefix.upper.encoder.train(training)
        batch = replace(BATCH, states=prefix.states(BATCH))
        with packed_layers(prefix.upper.encoder) as packed, up_to(prefix.upper.encoder, 3) as top:
            ways = {} if unread else {"packed": packed, "top": top}
            model = RealignmentModel(prefix.upper, Contrastive(), **options, **ways)
            fast = model(batch if unread else packed_batch(batch))
            fast.backward()
    torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-5)
    found = {n: p.grad for n, p in encoder.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    assert all(name.startswith(("encoder.layer.2.", "encoder.layer.3.")) for name in found)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_each_distinct_sentence_is_run_once(cache, accelerator):
    prefix = FrozenPrefix(tiny_encoder(), 2, cache, accelerator, longest=32)
    first = prefix.states(BATCH)
    assert (prefix.computed, prefix.found) == (3, 1)
    longer = batch_of([*SENTENCES[:2], [3, 30, 31, 32, 33, 34, 4], SENTENCES[2]])
    again = prefix.states(longer)
    assert (prefix.computed, prefix.found) == (4, 4)
    assert torch.equal(again[0, :5], first[0])
    assert not again[0, 5:].any()
    assert str(prefix) == (
        "frozen prefix of 2 layers: 4 sentences run, 4 found; 4 are kept, 0 of them on disk"
    )


def test_a_later_run_finds_them_and_one_that_freezes_more_starts_from_them(
    cache, accelerator, monkeypatch
):
    encoder = tiny_encoder()
    FrozenPrefix(encoder, 1, cache, accelerator, longest=32).states(BATCH)
    again = FrozenPrefix(encoder, 1, cache, accelerator, longest=32)
    again.states(BATCH)
    assert (again.computed, again.found) == (0, 4)
    starts = []
    make = EncoderSection.__init__
    monkeypatch.setattr(
        EncoderSection,
        "__init__",
        lambda self, model, start, stop, **options: (
            starts.append((start, stop)),
            make(self, model, start, stop, **options),
        )[1],
    )
    higher = FrozenPrefix(encoder, 3, cache, accelerator, longest=32)
    starts.clear()
    states = higher.states(BATCH)
    assert starts == [(1, 3)]
    fresh = FrozenPrefix(encoder, 3, PrefixCache(1, cache.folder), accelerator, longest=32).states(
        BATCH
    )
    assert torch.equal(states, fresh)


def test_another_precision_does_not_share(cache, accelerator):
    store = cache.store("no", 2, torch.float32)
    assert cache.store("no", 2, torch.float32) is store
    assert cache.store("bf16", 2, torch.float16) is not store
    assert cache.below("bf16", 2) == []


def test_beyond_the_budget_states_go_to_disk(tmp_path, accelerator):
    folder = tmp_path / "prefixes"
    prefix = FrozenPrefix(tiny_encoder(), 2, PrefixCache(0, folder), accelerator, longest=32)
    prefix.states(BATCH)
    assert str(prefix).endswith("3 are kept, 3 of them on disk")
    prefix.states(BATCH)
    assert prefix.computed == 3
    assert list(folder.iterdir()) == []


# A function of the sentence alone, to the bit


def wide_encoder(family: str):
    """One whose matrix products are large enough for several ways to add them up."""
    config = {"bert": BertConfig, "roberta": RobertaConfig}[family](
        vocab_size=64,
        hidden_size=384,
        num_hidden_layers=4,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=60,
        pad_token_id={"bert": 0, "roberta": 1}[family],
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModel.from_config(config).eval()


def random_sentences(n: int) -> list[list[int]]:
    random = np.random.default_rng(1)
    return [[3, *random.integers(5, 64, size).tolist(), 4] for size in random.integers(0, 50, n)]


@pytest.fixture(params=[("bert", "fp32"), ("roberta", "bf16")], ids="-".join)
def states_of(request, no_accelerator, tmp_path):
    """Makes states of sentences, by batches, in a cache of a size."""
    family, precision = request.param
    accelerator, encoder = make_accelerator(precision), wide_encoder(family)

    def states_of(batches, *, memory: int = 64, boundary: int = 3, lower: tuple[int, ...] = ()):
        cache = PrefixCache(memory, tmp_path / "prefixes")
        found: dict[tuple[int, ...], torch.Tensor] = {}
        for number in (*lower, boundary):
            prefix = FrozenPrefix(encoder, number, cache, accelerator, longest=57)
            for batch in batches:
                states = prefix.states(batch_of(batch))
                for sentence, one in zip(batch, states, strict=True):
                    found[tuple(sentence)] = one[: len(sentence)]
        return found

    return states_of


def in_batches(sentences: list[list[int]], size: int) -> list[list[list[int]]]:
    return [sentences[begin : begin + size] for begin in range(0, len(sentences), size)]


def assert_same_bits(found, expected) -> None:
    assert found.keys() == expected.keys()
    different = [len(key) for key in found if not torch.equal(found[key], expected[key])]
    assert different == []


def test_states_do_not_depend_on_history(states_of):
    sentences = random_sentences(16)
    expected = states_of(in_batches(sentences, 8))
    assert_same_bits(states_of(in_batches(sentences[::-1], 8)), expected)
    assert_same_bits(states_of(in_batches(sorted(sentences, key=len), 4)), expected)
    assert_same_bits(states_of(in_batches(sentences, 2), memory=0), expected)
    twice = in_batches([*sentences, *sentences[::-1]], 6)
    assert_same_bits(states_of(twice, memory=0), expected)
    assert_same_bits(states_of(twice), expected)


@pytest.mark.parametrize("memory", [0, 64])
def test_nor_on_what_trials_with_lower_boundaries_have_kept(states_of, memory):
    batches = in_batches(random_sentences(12), 6)
    expected = states_of(batches)
    assert_same_bits(states_of(batches, lower=(1,), memory=memory), expected)
    assert_same_bits(states_of(batches, lower=(2, 1), memory=memory), expected)


# What is kept


@pytest.mark.usefixtures("no_accelerator")
def test_states_beyond_16_bits_are_not_cut(tmp_path):
    accelerator = make_accelerator("bf16")
    encoder = tiny_encoder()
    with torch.no_grad():
        encoder.encoder.layer[1].output.LayerNorm.bias[0] = 1e5
    for memory, kept in ((1, 3), (0, 0)):
        prefix = FrozenPrefix(encoder, 2, PrefixCache(memory, tmp_path), accelerator, longest=32)
        for _ in range(2):
            states = prefix.states(BATCH)
            assert states[0, 0, 0] > 9e4
            assert states.isfinite().all()
        assert f"{kept} are kept, 0 of them on disk" in str(prefix)


def test_a_full_disk_is_told_of_once_and_costs_only_time(
    tmp_path, accelerator, monkeypatch, caplog
):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    encoder = tiny_encoder()
    prefix = FrozenPrefix(encoder, 2, PrefixCache(0, tmp_path), accelerator, longest=32)
    with caplog.at_level(logging.WARNING, logger="alignfreeze.realignment.prefix_states"):
        first, second = prefix.states(BATCH), prefix.states(BATCH)
    assert torch.equal(first, second)
    assert prefix.computed == 6
    assert [record.getMessage() for record in caplog.records] == [
        f"prefix: no more states are kept, in {tmp_path}: No space left on device"
    ]


def test_an_encoder_that_cannot_be_cut_is_run_whole(cache, accelerator, caplog):
    with caplog.at_level(logging.WARNING, logger="alignfreeze.realignment.prefix"):
        assert cut_prefix(tiny_encoder("xlm"), 2, cache, accelerator, longest=32) is None
    assert "all layers are run at every step: model 'XLMModel'" in caplog.text


def test_states_are_computed_only_of_batches_that_are_used(cache, accelerator):
    prefix = FrozenPrefix(tiny_encoder(), 2, cache, accelerator, longest=32)
    batch = replace(BATCH, find_states=prefix.states)
    assert (batch.size, batch.weight) == (2, 4)
    assert prefix.computed == 0
    assert batch.to(torch.device("cpu")).states.shape == (4, 5, 16)
    assert prefix.computed == 3
