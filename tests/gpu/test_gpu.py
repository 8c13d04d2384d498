"""What must hold on a GPU; without one these tests are skipped."""

import copy
import itertools
import json
import os
import subprocess
import sys
import warnings
from functools import partial
from types import SimpleNamespace

import mlflow
import numpy as np
import pytest
import torch
from accelerate.utils import set_seed
from transformers import BertConfig, BertForTokenClassification

import alignfreeze
from alignfreeze.contracts import Feature
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.realignment.pairs import EncodedPair, EncodedSide, PairStream
from alignfreeze.testing import tiny_encoder
from alignfreeze.training.batches import FeatureStream
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import lent_accelerator
from alignfreeze.training.loop import LOG_STEPS, train
from alignfreeze.training.packed_layers import packed_layers
from alignfreeze.training.plan import TrainingPlan
from alignfreeze_objectives.contrastive import Contrastive

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

DEVICE = torch.device("cuda")
SHORT = ["--languages", "de,zh", "--realign-steps", "40", "--finetune-steps", "60"]


@pytest.fixture(scope="module")
def demo():
    return alignfreeze.load_demo(["de", "zh"], pairs=300)


def realigned(demo, dropout=True, **options):
    """The demo's encoder after some steps, and what came of them."""
    encoder = copy.deepcopy(demo.encoder)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout) and not dropout:
            module.p = 0.0
    usual = {"realign_max_length": 64, "realign_lr": 3e-3, "realign_steps": 12}
    result = alignfreeze.realign(
        encoder, demo.tokenizer, demo.pairs, dictionaries=demo.dictionaries, **usual | options
    )
    return encoder, result


def assert_equal(one, other):
    """Two models have the same weights, to the bit."""
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, other.state_dict()[name]), name


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_same_options_give_the_same_weights(demo, precision):
    assert_equal(realigned(demo, precision=precision)[0], realigned(demo, precision=precision)[0])


def test_a_kept_prefix_gives_the_losses_of_an_exact_one(demo):
    args = {"embeddings": True}
    exact, kept = (
        # What is kept has no dropout, so nothing has any.
        realigned(demo, dropout=False, precision="fp32", prefix=prefix, strategy_args=args)[1]
        for prefix in ("exact", "cached")
    )
    assert kept.losses.loss.tolist() == pytest.approx(exact.losses.loss.tolist(), rel=1e-3)


def test_no_step_waits_for_the_device(demo):
    realigned(demo)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            realigned(demo, realign_steps=5 * LOG_STEPS)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [w for w in caught if "called a synchronizing" in str(w.message)]
    in_loop = [w for w in waits if "loop.py" in w.filename or "realignment" in w.filename]
    assert len(in_loop) <= 2 * 5, [f"{w.filename}:{w.lineno}" for w in waits]


class Given(PairStream):
    """A stream of pairs that are made up, which may break off."""

    def __init__(self, breaks_at=None):
        draw = np.random.default_rng(0)

        def side():
            length = int(draw.integers(4, 20))
            ids = draw.integers(5, 60, size=length).astype(np.int32)
            return EncodedSide(ids, np.arange(1, length - 1, dtype=np.int32), length - 2)

        super().__init__(
            [range(40)], SimpleNamespace(pad_token_id=0), 4, 32, "proportional", seed=0
        )
        links = np.array([(0, 0), (1, 1)])
        self.given = [EncodedPair(side(), side(), links) for _ in range(40)]
        self.breaks_at = breaks_at

    def encode(self, keys):
        return [self.given[row] for _, row in keys]

    def batches(self, start):
        for number, batch in enumerate(super().batches(start), start):
            if number == self.breaks_at:
                raise ConnectionError("broken off")
            yield batch


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_training_that_broke_off_goes_on_to_the_bit(tmp_path, precision):
    plan = TrainingPlan("test", "pairs", 14, 1e-3, 3, 1, 5)

    def trained(name, breaks_at=None, *, resume=False):
        encoder = tiny_encoder()
        set_seed(1)
        model = RealignmentModel(
            encoder, Contrastive(), layers=(-1,), projection=8, temperature=0.1
        )
        folder = CheckpointFolder(tmp_path / name, "me")
        with lent_accelerator(precision) as accelerator:
            stream = Given(breaks_at)
            train(model, stream, plan, accelerator, checkpoints=folder, resume=resume)
        return model

    whole = trained("whole")
    with pytest.raises(ConnectionError):
        trained("half", breaks_at=8)
    assert_equal(whole, trained("half", resume=True))


@pytest.mark.parametrize(("precision", "near"), [("fp32", 1e-5), ("bf16", 1e-2)])
def test_layers_without_padding_give_the_losses_of_padded_ones(precision, near):
    draw = np.random.default_rng(0)
    features = [
        Feature(draw.integers(5, 60, size=n).tolist(), {"labels": draw.integers(4, size=n)}, row)
        for row, n in enumerate(draw.integers(3, 60, size=32))
    ]
    config = BertConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        num_labels=4,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForTokenClassification(config).eval().to(DEVICE)
    losses = []
    for packed in (False, True):
        with (
            lent_accelerator(precision) as accelerator,
            packed_layers(model, accelerator) as layers,
            torch.no_grad(),
            accelerator.autocast(),
        ):
            assert layers is not None
            pays = partial(layers.packer, cost=LayerCost(160, 1, 1))  # though it is tiny
            packer = pays if packed else None
            stream = FeatureStream(features, batch_size=8, padding=0, seed=0, packer=packer)
            run = TaskModel(model, layers)
            losses += [[run(b.to(DEVICE)).item() for b in itertools.islice(stream.batches(0), 4)]]
    assert losses[0] == pytest.approx(losses[1], rel=near)


def run_in(folder, visible, *options):
    """The scores of a short run on the demo, with its store in a folder."""
    env = os.environ | {
        "ALIGNFREEZE_CACHE": str(folder / "cache"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }
    env |= {} if visible else {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "alignfreeze", "run", "--json", *SHORT, *options]
    done = subprocess.run(
        command, env=env, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)["scores"]


def test_a_gpu_and_a_cpu_give_nearly_the_same_scores(tmp_path):
    one, other = (tmp_path / name for name in ("gpu", "cpu"))
    one.mkdir()
    other.mkdir()
    on_gpu, on_cpu = run_in(one, True), run_in(other, False)
    assert [{**s, "value": 0} for s in on_gpu] == [{**s, "value": 0} for s in on_cpu]
    values = [s["value"] for s in on_gpu]
    assert values == pytest.approx([s["value"] for s in on_cpu], abs=0.06)


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
def test_a_served_model_answers_alike_on_both(tmp_path, monkeypatch):
    run_in(tmp_path, True, "--register", "tagger", "--compare", ",")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    question = [{"text": "Die Katze schläft auf dem Sofa ."}]
    on_gpu = mlflow.pyfunc.load_model("models:/tagger@candidate").predict(question)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = mlflow.pyfunc.load_model("models:/tagger@candidate").predict(question)
    labels = [[word["label"] for word in found[0]["words"]] for found in (on_gpu, on_cpu)]
    assert labels[0] == labels[1]
