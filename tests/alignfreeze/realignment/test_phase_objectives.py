"""What holds of every objective: the fast ways, resuming, text without links."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alignfreeze.alignment.cleaning import Cleaning
from alignfreeze.alignment.corpus import aligned_corpus, sentence_job
from alignfreeze.encoders.families import word_states
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.top_layer import up_to
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import collate_pairs
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.realignment.pretrained import Pretrained
from alignfreeze.testing import tiny_encoder
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze_objectives.contrastive import Contrastive
from alignfreeze_objectives.distance import Distance
from alignfreeze_objectives.sentence import Sentence
from alignfreeze_strategies.front import FrontFreezing
from alignfreeze_strategies.none import NoFreezing
from tests.alignfreeze.realignment.test_phase import (
    HALF,
    MANY,
    PAIRS,
    UNLINKED_PAIR,
    assert_same,
    assert_same_bits,
    killed_at,
    loss_and_gradients,
    ready,
    without_dropout,
)

OBJECTIVES = [
    Contrastive(negatives="weak", stop_gradient="source"),
    Distance(),
    Sentence(),
]
of_each = pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda own: type(own).__name__)


def model_of(encoder, objective, layers=(-1,), **options) -> RealignmentModel:
    before = Pretrained(encoder, torch.device("cpu")) if objective.needs_pretrained else None
    torch.manual_seed(1)
    options |= {"layers": layers, "projection": 5, "temperature": 0.3, "pretrained": before}
    return RealignmentModel(encoder, objective, **options).eval()


@pytest.fixture
def realigned(run, corpora, tmp_path):
    """Realigns an encoder by an objective, half of it frozen; losses and parameters."""
    texts = [aligned_corpus(sentence_job(corpora[0].bitext, Cleaning()), tmp_path)]

    def realign(objective, encoder=None, *, steps=6, strategy=None, **options):
        encoder = tiny_encoder() if encoder is None else encoder
        read = corpora if objective.needs_links else texts
        strategy = strategy or FrontFreezing(**HALF)
        options = {"objective": objective, "corpora": read, "steps": steps, **options}
        records = run(encoder, strategy, **options)
        return records, {name: p.detach() for name, p in encoder.named_parameters()}

    return realign


@of_each
def test_it_learns(objective, realigned):
    records, _ = realigned(objective, strategy=NoFreezing(), steps=40, realign_lr=1e-3)
    losses = [loss for _, loss in records]
    assert losses[-1] < 0.9 * losses[0]


@of_each
def test_packed_and_at_words_alone_the_loss_and_gradient_are_the_same(objective):
    encoder = tiny_encoder().double()
    model = model_of(encoder, objective, (0, -1)).double()
    with torch.no_grad():  # so that it has moved from where it was
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    expected_loss, expected = loss_and_gradients(model, collate_pairs(MANY, 0, objective=objective))
    with packed_layers(encoder) as packed, up_to(encoder, 3) as top:
        batch = collate_pairs(MANY, 0, packer=ready(packed.packer), objective=objective)
        assert batch.packing is not None
        model.packed, model.top = packed, top
        loss, found = loss_and_gradients(model, batch)
    torch.testing.assert_close(loss, expected_loss)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, msg=name)


@of_each
def test_a_cached_prefix_changes_nothing_but_the_prefixs_dropout(objective, realigned, tmp_path):
    def ran(**options):
        encoder = without_dropout(tiny_encoder())
        return realigned(objective, encoder, prefixes=PrefixCache(1, tmp_path), **options)

    # Parameters are not compared: where words have not moved, the pull's gradient is rounding.
    (exact, _), (cached, _) = ran(prefix="exact"), ran(prefix="cached")
    torch.testing.assert_close(cached[-1].loss, exact[-1].loss, rtol=1e-4, atol=1e-4)


@of_each
@pytest.mark.parametrize("prefix", ["cached", "exact"])
def test_it_goes_on_to_the_same_bits(objective, prefix, realigned, tmp_path, monkeypatch):
    options = {"prefix": prefix, "checkpoint_steps": 2, "prefixes": PrefixCache(1, tmp_path)}
    expected = realigned(objective, **options)
    with monkeypatch.context() as patch:
        killed_at(patch, 5)
        with pytest.raises(KeyboardInterrupt, match="killed"):
            realigned(objective, **options)
    assert_same_bits(realigned(objective, resume=True, **options), expected)


@of_each
def test_memory_is_saved_at_no_cost_but_rounding(objective, realigned):
    expected = realigned(objective)
    assert_same_bits(realigned(objective, activation_checkpointing=True), expected)
    assert_same(realigned(objective, loss_block=3), expected)


@of_each
def test_rows_of_the_vocabulary_that_do_not_occur_stay(objective, realigned, tokenizer):
    encoder = tiny_encoder()
    table = encoder.get_input_embeddings().weight
    before = table.detach().clone()
    realigned(objective, encoder, strategy=NoFreezing(), steps=2)
    moved = (table != before).any(dim=1)
    assert moved.any()
    assert not moved.all()


def test_the_sentence_is_the_mean_of_its_subwords_one_by_one():
    encoder = tiny_encoder().double()
    model = model_of(encoder, Sentence(negatives="strong")).double()
    means: list[Tensor] = []
    for side in [pair.source for pair in PAIRS] + [pair.target for pair in PAIRS]:
        ids = torch.from_numpy(side.input_ids.astype(np.int64))[None]
        (states,) = word_states(encoder, ids, torch.ones_like(ids), (-1,))
        means.append(model.heads[0](states[0].mean(dim=0)).detach())
    similarity = nn.CosineSimilarity(dim=0)
    near = [[float(similarity(a, b)) / 0.3 for b in means] for a in means]
    terms = []
    for own, row in enumerate(near):
        others = torch.tensor([value for other, value in enumerate(row) if other != own])
        terms.append(float(others.logsumexp(0)) - row[(own + len(PAIRS)) % len(means)])
    batch = collate_pairs(PAIRS, 0, objective=Sentence())
    assert batch.weight == len(means)
    assert model(batch).item() == pytest.approx(sum(terms), rel=1e-6)


def test_sentences_need_no_links():
    batch = collate_pairs([UNLINKED_PAIR, *PAIRS], 0, objective=Sentence())
    assert batch.weight == 6
    assert batch.anchors.tolist() == [0, 1, 2, 3, 4, 5]
    assert batch.positives.tolist() == [3, 4, 5, 0, 1, 2]


def test_the_encoder_before_is_what_it_was_without_dropout():
    """It shares what is frozen, and nothing else; while the encoder trains it stays."""
    encoder = tiny_encoder()
    with frozen(encoder, FrontFreezing(**HALF)):
        before = Pretrained(encoder, torch.device("cpu"))
    kept = dict(before._encoder.named_parameters())
    shared = {name for name, p in encoder.named_parameters() if kept[name] is p}
    assert shared == {
        name
        for name in kept
        if name.startswith(("embeddings.", "encoder.layer.0.", "encoder.layer.1."))
    }
    batch = collate_pairs(PAIRS, 0)
    expected = word_states(encoder.eval(), batch.input_ids, batch.attention_mask, (-1,))
    with torch.no_grad():
        encoder.train().encoder.layer[3].output.dense.weight.zero_()
    one, again = (before.states(batch, (-1,)) for _ in range(2))
    assert torch.equal(one[0], again[0])
    torch.testing.assert_close(one, expected)
    assert not one[0].requires_grad
    assert all(p.requires_grad for p in encoder.parameters())


def test_the_pull_keeps_the_source_words(run):
    """The stronger it is, the nearer source words stay to where they were."""
    batch = collate_pairs(MANY, 0)
    in_source = batch.sentences < batch.size

    def drift(pull: float) -> float:
        encoder = tiny_encoder()
        places = batch.word_positions[in_source]

        def words():
            with torch.no_grad():
                (states,) = word_states(encoder, batch.input_ids, batch.attention_mask, (-1,))
            return states.flatten(0, 1)[places]

        before = words()
        run(encoder, NoFreezing(), steps=30, objective=Distance(pull=pull), realign_lr=1e-3)
        return float((words() - before).square().sum())

    drifts = [drift(pull) for pull in (0, 0.3, 3)]
    assert all(one > other for one, other in pairwise(drifts))
