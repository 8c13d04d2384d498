"""How much memory training takes, against what a real batch keeps."""

import pytest
import torch

from alignfreeze.config import build_config
from alignfreeze.encoders.families import word_states
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.planning.memory import finetuning_memory, realignment_memory
from alignfreeze.runs.preparation import Preparation
from alignfreeze.training.acceleration import unread_masks

OPTIONS = {
    "languages": "de",
    "pair_limit": "50",
    "precision": "fp32",
    "compare": ",",
    "projection": "0",
    "loss_block": "1",
}


@pytest.fixture(scope="module")
def made(small_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
        return Preparation(build_config({**OPTIONS, "strategy": "none"}))


def realigning(made, *, half=False, **options: object) -> int:
    config = made.config.model_copy(update=options)
    return realignment_memory(
        made.outline, made.strategies[-1], made.objective.objective, config, half=half
    )


def finetuning(made, *, half=False, **options: object) -> int:
    data, config = made.tasks[0], made.config.model_copy(update=options)
    rows = data.training_features
    return finetuning_memory(made.model, data.task, rows, config, padding=0, half=half)


def test_what_is_kept_for_the_backward_pass_is_what_a_real_batch_keeps(made):
    """The difference that 16 more sentences of 32 subwords make, which is of activations alone."""
    encoder = load_encoder(made.model).train()

    def kept(rows: int) -> int:
        seen: dict[int, torch.Tensor] = {}
        weights = {weight.untyped_storage()._cdata for weight in encoder.parameters()}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            return seen.setdefault(tensor.untyped_storage()._cdata, tensor)

        ids = torch.zeros((rows, 32), dtype=torch.int64)
        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with unread_masks(), hooks:
            word_states(encoder, ids, torch.ones_like(ids), (-1,))
        return sum(t.untyped_storage().nbytes() for k, t in seen.items() if k not in weights)

    real = kept(32) - kept(16)
    one, two = (
        realigning(made, realign_batch_size=pairs, realign_max_length=32) for pairs in (8, 16)
    )
    similarities = 3 * 4 * 16 * 30  # a row of more words, in three matrices of float32
    assert two - one == pytest.approx(real + similarities, rel=0.15)


def test_weights_gradients_and_moments_of_what_is_trained_count(made):
    encoder = load_encoder(made.model)
    weights = sum(weight.nbytes for weight in encoder.parameters())
    least = realigning(made, realign_batch_size=1, realign_max_length=4)
    assert 4 * weights < least < 4.2 * weights
    frozen = Preparation(made.config.model_copy(update={"strategy": "front"}))
    layers = sum(
        weight.nbytes
        for name, weight in encoder.named_parameters()
        if any(f".{layer}." in name for layer in (0, 1))
    )
    small = realigning(frozen, realign_batch_size=1, realign_max_length=4)
    assert small < least - 2.9 * layers


@pytest.mark.parametrize("memory", [realigning, finetuning])
def test_options_that_save_memory_lessen_it(made, memory):
    usual = memory(made)
    assert memory(made, activation_checkpointing=True) < usual
    assert memory(made, half=True) < usual
    assert memory(made, realign_batch_size=4, finetune_batch_size=4) < usual


def test_similarities_of_a_block_take_less(made):
    assert realigning(made, loss_block=8) < realigning(made, loss_block=0)


def test_the_outline_is_left_as_it_was(made):
    realigning(made)
    assert all(weight.is_meta and weight.requires_grad for weight in made.outline.parameters())
