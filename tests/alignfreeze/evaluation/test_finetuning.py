import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Feature
from alignfreeze.evaluation.finetuning import TaskModel, finetune, steps_of_epochs
from alignfreeze.testing import tiny_encoder
from alignfreeze.text.words import IGNORED_LABEL
from alignfreeze.training.batches import collate_features
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord

# Steps


@pytest.mark.parametrize(
    ("n_features", "epochs", "batch_size", "accumulation", "n_processes", "steps"),
    [
        (320, 5, 32, 1, 1, 50),
        (321, 5, 32, 1, 1, 51),
        (320, 5, 32, 2, 1, 25),
        (320, 5, 32, 1, 4, 13),
        (320, 0.5, 32, 1, 1, 5),
        (1, 1, 32, 4, 2, 1),
    ],
)
def test_steps_from_epochs(n_features, epochs, batch_size, accumulation, n_processes, steps):
    config = RunConfig(
        finetune_epochs=epochs, finetune_batch_size=batch_size, accumulation=accumulation
    )
    assert steps_of_epochs(config, 99.0, n_features, n_processes) == steps


def test_without_epochs_given_the_task_says_how_many():
    config = RunConfig(finetune_batch_size=32)
    assert steps_of_epochs(config, 2.0, 320, 1) == 20


# The model


def tagger(seed: int = 0):
    """A tiny encoder with a head for two labels."""
    config = tiny_encoder(n_layers=2).config
    config.num_labels = 2
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AutoModelForTokenClassification.from_config(config).eval()


def tagging_rows(n: int, seed: int = 0) -> list[Feature]:
    """Rows of 3 to 10 subwords between two others; a subword's label is its id's parity."""
    random = np.random.default_rng(seed)
    rows = []
    for example in range(n):
        ids = random.integers(5, 60, random.integers(3, 11)).tolist()
        labels = [IGNORED_LABEL, *(number % 2 for number in ids), IGNORED_LABEL]
        rows.append(Feature([3, *ids, 4], {"labels": labels}, example))
    return rows


def test_the_loss_is_the_sum_over_the_labels():
    features = tagging_rows(5)
    batch = collate_features(features, np.arange(5), 0)
    model = tagger()
    expected = 0.0
    for feature in features:
        logits = model(input_ids=torch.tensor([feature.input_ids])).logits[0].detach()
        for scores, label in zip(logits, feature.targets["labels"], strict=True):
            if label != IGNORED_LABEL:
                expected -= float(scores.log_softmax(dim=-1)[label])
    assert float(TaskModel(model)(batch).detach()) == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_the_sum_over_the_rows():
    config = tiny_encoder(n_layers=2).config
    config.num_labels = 3
    model = AutoModelForSequenceClassification.from_config(config).eval()
    features = [Feature([3, *range(5, 8 + n), 4], {"labels": n % 3}, n) for n in range(5)]
    batch = collate_features(features, np.arange(5), 0)
    expected = 0.0
    for feature in features:
        scores = model(input_ids=torch.tensor([feature.input_ids])).logits[0].detach()
        expected -= float(scores.log_softmax(dim=-1)[feature.targets["labels"]])
    assert float(TaskModel(model)(batch).detach()) == pytest.approx(expected, rel=1e-4)


def test_a_batch_without_labels_has_a_loss_and_gradients_of_0():
    model = TaskModel(tagger())
    features = [Feature([3, 5, 4], {"labels": [IGNORED_LABEL] * 3}, 0)]
    loss = model(collate_features(features, np.arange(1), 0))
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


# The phase


@pytest.fixture
def run(accelerator, tmp_path):
    """Fine-tunes a model; returns the records of the loss."""

    def finetune_model(model, features, *, steps, **options) -> list[LossRecord]:
        records: list[LossRecord] = []
        torch.manual_seed(0)
        finetune(
            model,
            features,
            RunConfig(finetune_batch_size=16, finetune_lr=5e-3, **options),
            padding=0,
            steps=steps,
            accelerator=accelerator,
            checkpoints=CheckpointFolder(tmp_path / "checkpoints", "me"),
            on_loss=records.append,
        )
        return records

    return finetune_model


def accuracy(model, features) -> float:
    batch = collate_features(features, np.arange(len(features)), 0)
    with torch.no_grad():
        predicted = model(**batch.inputs).logits.argmax(dim=-1)
    counts = batch.targets["labels"] != IGNORED_LABEL
    return float((predicted == batch.targets["labels"])[counts].float().mean())


def test_it_learns_to_tag(run):
    model, held_out = tagger(), tagging_rows(50, seed=1)
    assert accuracy(model, held_out) < 0.7
    records = run(model, tagging_rows(200), steps=100)
    assert accuracy(model, held_out) > 0.95
    assert records[-1].loss < 0.2 * records[0].loss
    assert not model.training


def test_every_layer_is_trained(run):
    model = tagger()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run(model, tagging_rows(50), steps=3)
    still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
    # A shift of all keys changes no attention.
    assert all(name.endswith("key.bias") for name in still)


def test_the_warmup_is_a_part_of_the_steps(run):
    model = tagger()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run(model, tagging_rows(50), steps=1, warmup=0.9)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_the_seed_decides(run):
    models = [tagger() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        run(model, tagging_rows(50), steps=2, seed=seed)
    one, again, other = ([p.detach() for p in model.parameters()] for model in models)
    assert all(map(torch.equal, one, again))
    assert not all(map(torch.equal, one, other))


def test_no_step_waits_for_the_device(run, waits):
    counts = [waits(lambda n=steps: run(tagger(), tagging_rows(40), steps=n)) for steps in (2, 9)]
    assert counts[0] == counts[1] > 0
