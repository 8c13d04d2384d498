"""How much memory training takes, found by a batch without numbers: of shapes alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Feature, Objective, Task
from alignfreeze.encoders.families import layer_count, word_states
from alignfreeze.encoders.freezing import frozen
from alignfreeze.encoders.loading import model_with_head
from alignfreeze.encoders.vocabulary import compact_vocabulary, used_ids
from alignfreeze.evaluation.finetuning import TaskModel
from alignfreeze.realignment.model import RealignmentModel
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.training.acceleration import accelerated, unread_masks
from alignfreeze.training.batches import collate_features

if TYPE_CHECKING:
    from transformers import PreTrainedModel

META = torch.device("meta")

MOMENTS = 3
"""What Adam keeps of a trained weight's size, beside it: its gradient, and two moments."""

SIMILARITIES = 3
"""Matrices of all words with all words that are there at a time when the loss is computed."""


def finetuning_memory(
    model: str,
    task: Task,
    features: Sequence[Feature],
    config: RunConfig,
    *,
    padding: int,
    half: bool,
) -> int:
    """Bytes that fine-tuning takes at most: for a batch of the longest rows.

    That is for weights, gradients, Adam's moments, and what is kept for the backward pass; not for
    what comes and goes within an operator, nor what the libraries take.

    Args:
        model: Where the encoder is.
        task: Says which head it has.
        features: The training rows.
        config: Rows of a batch, and how they are trained on.
        padding: Id of the padding token.
        half: Whether activations are in bf16.
    """
    with META:
        whole = model_with_head(model, task.auto_class, task.labels)
    longest = sorted(range(len(features)), key=lambda row: -len(features[row].input_ids))
    rows = np.array(longest[: config.finetune_batch_size], dtype=np.int64)
    batch = collate_features(features, rows, padding)
    ids = used_ids((feature.input_ids for feature in features), padding)
    embedding = cast(nn.Embedding, whole.get_input_embeddings())
    table = embedding.weight
    with compact_vocabulary(whole, ids):
        trained = TaskModel(whole)
        taken = _training(trained, whole, lambda: trained(batch.to(META)), config, half=half)
        compacted = embedding.weight is not table
    return taken + (table.nbytes if compacted else 0)


def realignment_memory(
    encoder: "PreTrainedModel",
    choice: StrategyChoice | None,
    objective: Objective,
    config: RunConfig,
    *,
    half: bool,
) -> int:
    """Bytes that realignment takes at most: with pairs of the greatest length that is allowed.

    As `finetuning_memory`; which part of the vocabulary occurs is not known, so all of it counts.

    Args:
        encoder: Its outline, without numbers.
        choice: The strategy, which says what is trained; ``None``: all is, as in a fine-tuning.
        objective: What is minimised.
        config: Pairs of a batch, their greatest length, and how they are trained on.
        half: Whether activations are in bf16.
    """
    rows, length = 2 * config.realign_batch_size, config.realign_max_length
    words = rows * (length - 2)  # but for special tokens
    with META:
        ids = torch.zeros((rows, length), dtype=torch.int64)
        model = RealignmentModel(
            encoder,
            objective,
            layers=config.layer,
            projection=config.projection,
            temperature=config.temperature,
        )

    def projected() -> list[Tensor]:
        states = word_states(encoder, ids, torch.ones_like(ids), config.layer)
        pairs = zip(states, model.heads, strict=True)
        return [head(state.flatten(0, 1)[:words]) for state, head in pairs]

    freezing = (
        nullcontext() if choice is None else frozen(encoder, choice.strategy, name=choice.name)
    )
    with freezing as summary:
        taken = _training(model, encoder, projected, config, half=half)
        restored = summary.restored_names if summary else ()
        taken += sum(encoder.get_parameter(name).nbytes for name in restored)
        if objective.needs_pretrained:  # the copy shares what is frozen
            taken += sum(w.nbytes for w in encoder.parameters() if w.requires_grad)
    read = words if objective.unit == "word" else rows
    rows_at_once = min(config.loss_block or read, read)
    return taken + SIMILARITIES * rows_at_once * read * torch.float32.itemsize


def _training(
    model: nn.Module,
    encoder: "PreTrainedModel",
    forward: Callable[[], object],
    config: RunConfig,
    *,
    half: bool,
) -> int:
    """Bytes of a model in training, and of what its forward pass keeps."""
    weights = list(model.parameters())
    trained = sum(weight.nbytes for weight in weights if weight.requires_grad)
    model.train()
    with unread_masks():
        with _kept_bytes(except_for=weights) as kept:
            forward()
        activations = kept[0]
        if config.activation_checkpointing:
            with (
                accelerated(encoder, compiled=False, activation_checkpointing=True),
                _kept_bytes(except_for=weights) as kept,
            ):
                forward()
            # In the backward pass one layer after the other is as it would be without.
            activations = kept[0] + activations // layer_count(encoder)
    if half:
        activations //= 2
    return sum(weight.nbytes for weight in weights) + MOMENTS * trained + activations


@contextmanager
def _kept_bytes(except_for: Sequence[Tensor]) -> Iterator[list[int]]:
    """Count the bytes that are kept for the backward pass; each storage once, weights not."""
    kept = [0]
    seen = {tensor.untyped_storage()._cdata for tensor in except_for}
    held: list[Tensor] = []  # or another would get the place in memory of one that is gone

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in seen:
            seen.add(storage._cdata)
            held.append(tensor)
            kept[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield kept
