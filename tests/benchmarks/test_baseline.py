"""What the benchmarks compare with is slower, and nothing else."""

import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from alignfreeze.alignment.corpus import AlignedPair
from alignfreeze.contracts import TaggedSentence
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import PairStream, collate_pairs
from alignfreeze.testing import tiny_encoder
from alignfreeze.text.words import SpecialTokens, subwords_of
from alignfreeze.training.batches import collate_features
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.packing import in_one_row
from alignfreeze_objectives.contrastive import Contrastive
from alignfreeze_tasks.pos import PartOfSpeechTagging

PAIRS = [
    AlignedPair(["ab", "c", "def"], ["x", "wv"], [(0, 1), (2, 0)]),
    AlignedPair(["g"], ["hi", "j"], [(0, 1)]),
    AlignedPair(["k", "lm"], ["no", "pqr", "s"], [(0, 0), (1, 2)]),
]
SENTENCES = [
    TaggedSentence(("ab", "c", "def"), ("NOUN", "VERB", "PUNCT")),
    TaggedSentence(("g", "hij"), ("PRON", "VERB")),
]


@pytest.fixture(scope="module")
def baseline():
    path = Path(__file__).parents[2] / "benchmarks" / "baseline.py"
    spec = importlib.util.spec_from_file_location("baseline", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["baseline"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["baseline"]


class Corpus:
    def __len__(self) -> int:
        return len(PAIRS)

    def rows(self, indices) -> list[AlignedPair]:
        return [PAIRS[index] for index in indices]


def encoder_for(tokenizer):
    encoder = tiny_encoder()
    encoder.resize_token_embeddings(len(tokenizer))
    return encoder.eval()


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_realignment_has_the_same_loss_and_gradient(baseline, tokenizer):
    torch.manual_seed(0)
    encoder = encoder_for(tokenizer)
    plain = baseline.PlainRealignment(encoder, tokenizer, projection=8)
    fast = RealignmentModel(
        encoder, Contrastive(), layers=(-1,), projection=8, temperature=0.1
    ).eval()
    fast.heads[0].load_state_dict(plain.head.state_dict())
    slow_loss = plain([plain.encode(pair) for pair in PAIRS])
    slow_loss.backward()
    expected = {name: gradient.clone() for name, gradient in gradients(encoder).items()}
    encoder.zero_grad()
    stream = PairStream(
        [Corpus()], tokenizer, batch_size=3, max_length=96, mix="proportional", seed=0
    )
    batch = collate_pairs(stream.encode([(0, row) for row in range(3)]), 0)
    loss = fast(batch) / batch.weight
    loss.backward()
    torch.testing.assert_close(loss, slow_loss, rtol=1e-5, atol=1e-5)
    assert gradients(encoder).keys() == expected.keys()
    for name, gradient in gradients(encoder).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def test_tagging_has_the_same_loss_and_gradient(baseline, tokenizer):
    from transformers import AutoModelForTokenClassification

    task = PartOfSpeechTagging()
    config = encoder_for(tokenizer).config
    config.num_labels = len(task.labels)
    model = AutoModelForTokenClassification.from_config(config).eval()
    sentences = [*SENTENCES, *[TaggedSentence(("g",), ("PRON",))] * 60]
    rows = baseline.tagging_rows(sentences, task.labels, tokenizer)
    features = task.featurize(sentences, tokenizer, 256)
    assert rows == [(list(f.input_ids), list(f.targets["labels"])) for f in features]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    slow = baseline.tagging_step(model, rows, baseline.PlainTokenizer(tokenizer, 256), optimizer)
    expected = {name: gradient.clone() for name, gradient in gradients(model).items()}
    model.zero_grad()
    batch = collate_features(
        features, np.arange(len(rows)), 0, packer=partial(in_one_row, cost=LayerCost(160, 1, 1))
    )
    assert batch.packing is not None
    with packed_layers(model) as layers:
        loss = TaskModel(model, layers)(batch) / batch.weight
    loss.backward()
    assert slow == pytest.approx(float(loss.detach()), abs=1e-5)
    assert gradients(model).keys() == expected.keys()
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def test_random_order_comes_to_every_item_before_any_comes_again(baseline):
    batches = baseline.in_random_order(range(10), 4, seed=0)
    drawn = [item for _ in range(5) for item in next(batches)]
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))


def test_the_same_subword_stands_for_a_word(baseline, sentencepiece):
    words = ["hello", "猫", "a犬", "▁"]
    (subwords,) = subwords_of([words], sentencepiece)
    expected = SpecialTokens.of(sentencepiece).wrap(subwords, 0, len(words), 96)
    assert baseline.PlainTokenizer(sentencepiece, 96)(words) == expected
