"""Fine-tuning and realignment in the same steps: whose gradient goes where."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Bitext
from alignfreeze.encoders.freezing import check_strategy
from alignfreeze.errors import TrainingError
from alignfreeze.evaluation.finetuning import TaskModel, finetune
from alignfreeze.evaluation.joint import (
    DuringRealignment,
    JointModel,
    JointStream,
    RealignmentBatch,
)
from alignfreeze.realignment.pairs import collate_pairs
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.milestones import Milestones
from alignfreeze_aligners.pharaoh import PharaohAligner
from alignfreeze_objectives.contrastive import Contrastive
from alignfreeze_objectives.distance import Distance
from alignfreeze_objectives.sentence import Sentence
from alignfreeze_strategies.front import FrontFreezing
from tests.alignfreeze.evaluation import joint_toys as toys
from tests.alignfreeze.training.toys import TOGETHER

TOLERANCE = {"rtol": 1e-6, "atol": 1e-8}


def factor_of(name: str, step: int) -> float:
    """What the gradient of the realignment counts for a parameter of the tagger."""
    factors = toys.FACTORS.get(name.removeprefix("bert."), (1.0,))
    return factors[len(factors) * step // toys.STEPS]


def by_a_plain_loop(accumulation: int) -> tuple[dict[str, torch.Tensor], list[tuple[float, float]]]:
    """Two backward passes a step, put together parameter by parameter; parameters and losses."""
    model = toys.tagger().train()
    realignment = toys.realignment_of(model).train()
    task = TaskModel(model)
    named = dict(model.named_parameters()) | dict(realignment.heads.named_parameters())
    adam = torch.optim.Adam(named.values(), lr=toys.RATE)
    pairs, rows = toys.Pairs().batches(0), toys.rows().batches(0)
    losses = []
    for step in range(toys.STEPS):
        both = []
        for stream, of in ((pairs, realignment), (rows, task)):
            batches = list(islice(stream, accumulation))
            both.append(sum(of(batch) for batch in batches) / sum(b.weight for b in batches))
        losses.append(tuple(float(loss.detach()) for loss in both))
        gradients = [
            torch.autograd.grad(loss, list(named.values()), allow_unused=True) for loss in both
        ]
        for (name, parameter), of_pairs, of_rows in zip(named.items(), *gradients, strict=True):
            parameter.grad = torch.zeros_like(parameter)
            if of_pairs is not None:
                parameter.grad += toys.WEIGHT * factor_of(name, step) * of_pairs
            if of_rows is not None:
                parameter.grad += of_rows
        adam.step()
    return {name: parameter.detach() for name, parameter in named.items()}, losses


@pytest.mark.parametrize("accumulation", [1, 2])
def test_steps_are_those_of_two_separate_backward_passes(accelerator, tmp_path, accumulation):
    expected, losses = by_a_plain_loop(accumulation)
    found, (own, beside) = toys.trained(
        tmp_path, step_batches=accumulation, accumulation=accumulation, accelerator=accelerator
    )
    assert found.keys() == expected.keys()
    for name, parameter in expected.items():
        torch.testing.assert_close(found[name].cpu(), parameter, msg=name, **TOLERANCE)
    means = np.mean(losses, axis=0)
    assert [records[-1].loss for records in (beside, own)] == pytest.approx(list(means), rel=1e-4)


def test_two_processes_give_what_one_gives(on_cpu, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", toys.__file__, str(tmp_path), "1"]
    environment = os.environ | TOGETHER | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    expected, _ = by_a_plain_loop(accumulation=2)
    for name, parameter in expected.items():
        assert torch.equal(one[name], other[name]), name
        torch.testing.assert_close(one[name], parameter, msg=name, **TOLERANCE)


# Gradients


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.fixture
def joint():
    """A joint model whose strategy freezes the lower of two layers, with its tagger."""
    model = toys.tagger().eval()
    summary = check_strategy(model.base_model, FrontFreezing())
    return JointModel(TaskModel(model), toys.realignment_of(model), summary.rates), model


PAIRS = RealignmentBatch(collate_pairs(toys.encoded_pairs(0), 0), step=0, steps=1)


def test_of_what_is_frozen_the_gradient_is_the_tasks_alone(joint):
    model, tagger = joint
    rows = next(toys.rows().batches(0))
    TaskModel(tagger)(rows).backward()
    of_task = gradients(tagger)
    tagger.zero_grad()
    with model.scaled_gradients(tagger.base_model):
        model(PAIRS).backward()
        of_pairs = gradients(tagger)
        model(rows).backward()
    of_both = gradients(tagger)
    lower = {name for name in of_task if name.startswith("bert.encoder.layer.0.")}
    assert lower
    for name in lower:
        assert not of_pairs[name].any(), name
        assert torch.equal(of_both[name], of_task[name]), name
    upper = "bert.encoder.layer.1.output.dense.weight"
    assert of_pairs[upper].any()
    assert not torch.equal(of_both[upper], of_task[upper])


def test_what_is_no_number_does_not_reach_what_is_frozen(joint):
    model, tagger = joint
    with model.scaled_gradients(tagger.base_model):
        (model(PAIRS) * float("nan")).backward()
    found = gradients(tagger)
    assert not found["bert.encoder.layer.0.output.dense.weight"].any()
    assert found["bert.encoder.layer.1.output.dense.weight"].isnan().any()


def test_afterwards_gradients_are_what_they_were(joint):
    model, tagger = joint
    with model.scaled_gradients(tagger.base_model):
        pass
    model(PAIRS).backward()
    assert gradients(tagger)["bert.encoder.layer.0.output.dense.weight"].any()


def test_the_encoder_is_named_once(joint):
    model, tagger = joint
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    assert len(names) == len(list(tagger.parameters())) + 2
    assert model.state_dict().keys() == set(names)


def test_heads_take_part_in_a_batch_of_rows_without_a_gradient(joint):
    model, _ = joint
    model(next(toys.rows().batches(0))).backward()
    heads = [parameter.grad for parameter in model.heads.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in heads)


# Batches


@pytest.mark.parametrize("first", [0, 3])
def test_batches_come_in_turn_pairs_first_and_say_how_far_training_is(first):
    stream = JointStream(toys.Pairs(), toys.rows(), step_batches=2, steps=3)
    found = list(islice(stream.batches(2 * first), 8))
    rows = toys.rows().batches(first)
    for number, (pairs, own) in enumerate(zip(found[::2], found[1::2], strict=True), first):
        expected = collate_pairs(toys.encoded_pairs(number), 0)
        assert torch.equal(pairs.pairs.input_ids, expected.input_ids)
        assert (pairs.weight, pairs.size) == (expected.weight, toys.PAIRS)
        assert (pairs.step, pairs.steps) == (number // 2, 3)
        assert np.array_equal(own.rows, next(rows).rows)


# The phase

CONTRASTIVE = Contrastive()
WORDS = "abcdefghijklmnopqrstuvwx"


@pytest.fixture
def corpora(write, tmp_path):
    """Sentences of single letters; a letter's translation is its capital."""
    random = np.random.default_rng(0)
    lines = [" ".join(random.choice(list(WORDS), random.integers(3, 8))) for _ in range(40)]
    links = [" ".join(f"{k}-{k}" for k in range(len(line.split()))) for line in lines]
    bitext = Bitext(
        source="en",
        target="fr",
        source_file=write("en-fr.en", "\n".join(lines) + "\n"),
        target_file=write("en-fr.fr", "\n".join(lines).upper() + "\n"),
        alignment_file=write("en-fr.align", "\n".join(links) + "\n"),
    )
    return [aligned_corpus(CorpusJob(bitext, PharaohAligner(), "pharaoh", "1"), tmp_path)]


@pytest.fixture
def run(corpora, tokenizer, accelerator, tmp_path):
    """Fine-tunes a model and realigns it meanwhile; returns the records of both losses."""

    def finetune_model(
        model,
        *,
        steps=12,
        owner="me",
        objective=CONTRASTIVE,
        milestones=None,
        on_words=lambda found: None,
        **options,
    ) -> list[list[LossRecord]]:
        records: list[list[LossRecord]] = [[], []]
        torch.manual_seed(0)
        values = {"finetune_batch_size": 4, "realign_batch_size": 3, "finetune_lr": 5e-3}
        finetune(
            model,
            toys.tagging_rows(30),
            RunConfig(**(values | options)),
            padding=0,
            steps=steps,
            accelerator=accelerator,
            checkpoints=CheckpointFolder(tmp_path / "checkpoints", owner),
            on_loss=records[0].append,
            milestones=milestones or Milestones(),
            during=DuringRealignment(
                tokenizer=tokenizer,
                corpora=corpora,
                freezing=check_strategy(model.base_model, FrontFreezing()),
                objective=objective,
                remembered={},
                on_loss=records[1].append,
                on_words=on_words,
            ),
        )
        return records

    return finetune_model


def dropping_tagger() -> torch.nn.Module:
    model = toys.tagger().float()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.1
    return model


def test_both_losses_fall_and_words_are_told(run):
    told = []
    records, beside = run(dropping_tagger(), steps=40, on_words=told.append)
    assert [record.step for record in records] == [record.step for record in beside]
    assert records[-1].loss < 0.8 * records[0].loss
    assert beside[-1].loss < 0.9 * beside[0].loss
    assert set(told[0]) == {"en", "fr"}


@pytest.mark.parametrize("options", [{}, {"activation_checkpointing": True}])
def test_a_resumed_training_is_the_same_to_the_bit(run, options):
    def stop(step, result):
        raise RuntimeError("stopped")

    whole, resumed = dropping_tagger(), dropping_tagger()
    expected = run(whole, owner="whole", **options)
    with pytest.raises(RuntimeError, match="stopped"):
        run(dropping_tagger(), milestones=Milestones([7], stop), checkpoint_steps=5, **options)
    found = run(resumed, checkpoint_steps=5, resume=True, **options)
    assert found == expected
    state = resumed.state_dict()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(state[name], tensor), name


def test_at_a_milestone_the_vocabulary_is_whole(run):
    model, seen = dropping_tagger(), []

    def look(step, result):
        ids = torch.arange(3, 33)[None]
        seen.append((step, model(ids).logits.shape, model.training))

    run(model, milestones=Milestones([4], look))
    assert seen == [(4, (1, 30, 2), False)]


def test_an_objective_that_is_no_number_ends_the_training(run):
    model = dropping_tagger()
    with pytest.raises(TrainingError, match="fine-tuning: the loss is not a number by step"):
        run(model, steps=10, realign_weight=1e300, finetune_lr=1e30)


@pytest.mark.parametrize("objective", [Distance(), Sentence()], ids=["distance", "sentence"])
def test_any_objective_can_be_that_beside(run, objective):
    records, beside = run(toys.tagger().float(), steps=30, objective=objective, realign_weight=1.0)
    assert records[-1].loss < records[0].loss
    assert beside[-1].loss < beside[0].loss


def test_without_projection_heads_it_is_the_encoder_alone_that_is_trained(run):
    _, beside = run(toys.tagger().float(), steps=30, projection=0, realign_weight=1.0)
    assert beside[-1].loss < beside[0].loss


def test_a_heavier_objective_is_minimised_further(run):
    light, heavy = (run(toys.tagger().float(), steps=30, realign_weight=w)[1] for w in (0.01, 10.0))
    assert heavy[-1].loss < light[-1].loss
