"""The second opponent, transformers' Trainer, computes what ours does, and runs."""

import importlib
import importlib.util
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from alignfreeze.contracts import Feature
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, EncodedSide, collate_pairs
from alignfreeze.testing import tiny_encoder
from alignfreeze.training.batches import collate_features
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.packing import in_one_row
from alignfreeze_objectives.contrastive import Contrastive

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def trainer():
    spec = importlib.util.spec_from_file_location("trainer", BENCHMARKS / "trainer.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["trainer"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["trainer"]


def side(random: np.random.Generator, n_words: int) -> EncodedSide:
    ids = random.integers(5, 40, size=n_words + 2).astype(np.int32)
    return EncodedSide(ids, np.arange(1, n_words + 1, dtype=np.int32), n_words)


def some_pairs(n_pairs: int) -> list[EncodedPair]:
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(n_pairs):
        n_words = random.integers(2, 9, size=2)
        links = np.stack([random.permutation(n)[: min(n_words)] for n in n_words], axis=1)
        pairs.append(EncodedPair(*(side(random, n) for n in n_words), links))
    return pairs


def some_rows(n_rows: int, n_labels: int) -> list[Feature]:
    random = np.random.default_rng(0)
    rows = []
    for number, length in enumerate(random.integers(3, 12, size=n_rows).tolist()):
        ids = random.integers(5, 40, size=length).tolist()
        labels = [-100, *random.integers(n_labels, size=length - 2).tolist(), -100]
        rows.append(Feature(ids, {"labels": labels}, number))
    return rows


def tagger():
    from transformers import AutoModelForTokenClassification

    config = tiny_encoder().config
    config.num_labels = 5
    return AutoModelForTokenClassification.from_config(config).eval()


def given(trainer, tmp_path, model, rows, lengths, collate, strategy="group_by_length"):
    return trainer.careful_trainer(
        model,
        rows,
        lengths,
        collate,
        folder=str(tmp_path),
        batch_size=4,
        precision="fp32",
        strategy=strategy,
    )


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.usefixtures("on_cpu")
def test_realignment_has_the_same_loss_and_gradient(trainer, tmp_path):
    torch.manual_seed(0)
    encoder, pairs = tiny_encoder().eval(), some_pairs(4)
    theirs = trainer.TrainerRealignment(encoder, projection=8)
    ours = RealignmentModel(encoder, Contrastive(), layers=(-1,), projection=8, temperature=0.1)
    ours.heads[0].load_state_dict(theirs.head.state_dict())
    collate = trainer.PairCollator(0)
    careful = given(trainer, tmp_path, theirs, pairs, [p.length for p in pairs], collate)
    loss = careful.compute_loss(theirs, collate(pairs))
    loss.backward()
    expected = gradients(encoder)
    encoder.zero_grad()
    batch = collate_pairs(pairs, 0)
    own = ours(batch) / batch.weight
    own.backward()
    torch.testing.assert_close(loss, own, rtol=1e-5, atol=1e-5)
    for name, gradient in gradients(encoder).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.usefixtures("on_cpu")
def test_tagging_has_the_same_loss(trainer, tmp_path):
    torch.manual_seed(0)
    model, rows = tagger(), some_rows(4, 5)
    collate = trainer.RowCollator(0)
    careful = given(trainer, tmp_path, model, rows, [len(r.input_ids) for r in rows], collate)
    loss = careful.compute_loss(model, collate(rows))
    batch = collate_features(
        rows, np.arange(4), 0, packer=partial(in_one_row, cost=LayerCost(160, 1, 1))
    )
    with packed_layers(model) as layers:
        own = TaskModel(model, layers)(batch) / batch.weight
    torch.testing.assert_close(loss, own, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("strategy", ["random", "group_by_length"])
def test_a_pass_has_every_row_once(trainer, tmp_path, strategy):
    pairs = some_pairs(14)
    lengths = [pair.length for pair in pairs]
    given_to = torch.nn.Linear(1, 1), pairs, lengths, list
    careful = given(trainer, tmp_path, *given_to, strategy=strategy)
    drawn = list(careful._get_train_sampler(pairs))
    assert sorted(drawn) == list(range(14))
    in_order = [lengths[row] for row in drawn] == sorted(lengths, reverse=True)
    assert in_order == (strategy == "group_by_length")


@pytest.mark.usefixtures("on_cpu")
def test_a_prediction_is_of_the_same_words(trainer):
    torch.manual_seed(0)
    model, rows = tagger(), some_rows(9, 5)
    found = trainer.predict(model, rows, padding=0, precision="fp32", batch_size=4)
    right = words = 0
    for row in rows:
        with torch.inference_mode():
            said = model(torch.tensor([row.input_ids])).logits[0].argmax(dim=-1).tolist()
        labels = row.targets["labels"]
        right += sum(a == b for a, b in zip(said, labels, strict=True))
        words += sum(label != -100 for label in labels)
    assert found.rate > 0
    assert found.accuracy == pytest.approx(right / words)


@pytest.fixture
def scripts(monkeypatch):
    """The benchmarks of realignment and of tagging."""
    for name in ("CUDA_VISIBLE_DEVICES", "ACCELERATE_USE_CPU"):  # which `common` sets
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = {*sys.modules}
    yield [importlib.import_module(name) for name in ("common", "steps", "tagging")]
    for name in ("common", "steps", "step_overhead", "tagging", "baseline", "trainer"):
        if name not in before:
            del sys.modules[name]


@pytest.mark.usefixtures("on_cpu")
def test_it_runs_in_turn_with_ours(scripts, monkeypatch):
    common, steps, tagging = scripts
    for script in (steps, tagging):
        monkeypatch.setattr(script, "PASS", 10)
    monkeypatch.setattr(steps, "STRATEGIES", ("none",))
    asked = common.parser(None).parse_args(["--data=demo", "--model=demo", "--languages=de"])
    ours = steps.Steps(common.setting(asked))
    found = steps.trainer_lines(steps.measured_with_trainer(ours, 1))
    found += tagging.trainer_lines(tagging.Tagging(asked), 1)
    assert [line.target for line in found] == [">= 1.5", "", ">= 1.5", "", ">= 1.5"]
    assert all(line.ratio > 0 for line in found)
