"""Run an encoder without padding: short sentences of a batch share a row.

Rows in random order differ much in length, so that half of a padded batch and more is padding. The
encoder gets the batch's subwords in as few rows as hold them, with their positions and a mask that
keeps sentences apart. The head above sees the batch as it was.
"""

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from alignfreeze.encoders.families import hidden_size, packed_path
from alignfreeze.training.bunches import LayerCost
from alignfreeze.training.packed_attention import NAME, attends_to_any_length
from alignfreeze.training.packing import Packer, Packing, in_one_row, in_rows

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

MASKED = ("sdpa", "eager")
"""Implementations of attention that take any mask."""


class PackedLayers:
    """The layers of an encoder, which run a batch packed while its packing is set.

    Args:
        encoder: The encoder, without a task head.
        packer: How its batches are to be packed.
    """

    def __init__(self, encoder: "PreTrainedModel", packer: Packer) -> None:
        self.packer = packer
        self._encoder = encoder
        self._packing: Packing | None = None
        self._unpacked = True
        self._shape = torch.Size()

    @contextmanager
    def packed(self, packing: Packing | None, *, unpacked: bool = True) -> Iterator[None]:
        """Run the layers so as long as the context lasts; with no packing as ever.

        Args:
            packing: The batch's.
            unpacked: Whether states are as those of the padded batch after the last layer; they
                stay in packed rows otherwise, as the outputs of all other layers do.
        """
        self._packing, self._unpacked = packing, unpacked
        try:
            yield
        finally:
            self._packing = None

    def pack_ids(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Pack what the encoder is called with."""
        if self._packing is None:
            return None
        names = inspect.signature(module.forward).parameters
        given = dict(zip(names, args, strict=False)) | kwargs
        ids: Tensor = given["input_ids"]
        self._shape = ids.shape
        given["position_ids"] = self._positions(ids)
        for name, value in given.items():
            if isinstance(value, Tensor) and value.shape == ids.shape:
                padding = self._encoder.config.pad_token_id or 0 if name == "input_ids" else 0
                given[name] = self._packing.pack_ids(value, padding)
        if self._packing.alone is not None:
            given["sentences"] = self._packing.alone
            # A mask of four dimensions is taken as it is, and this one is read by nothing.
            given["attention_mask"] = torch.ones(1, 1, 1, 1, dtype=torch.bool)
        else:
            given["attention_mask"] = self._masks(self._packing)
        return (), given

    def pack_states(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Pack what the layers are called with."""
        if self._packing is None:
            return None
        states, *others = args
        self._shape = states.shape[:2]
        others[0] = self._packing.mask()
        return (self._packing.pack(states), *others), kwargs

    def unpack(self, _: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Unpack what they return."""
        if self._packing is None or not self._unpacked:
            return
        states = self._packing.unpack(output.last_hidden_state, self._shape)
        output.last_hidden_state = states
        if output.get("hidden_states") is not None:
            output.hidden_states = (*output.hidden_states[:-1], states)

    def _positions(self, ids: Tensor) -> Tensor:
        """Where each subword is in its sentence, as the family counts, of the ids' shape."""
        embeddings: Any = self._encoder.get_submodule("embeddings")
        if hasattr(embeddings, "create_position_ids_from_input_ids"):
            positions: Tensor = embeddings.create_position_ids_from_input_ids(
                ids, embeddings.padding_idx
            )
            return positions
        return torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)

    def _masks(self, packing: Packing) -> Tensor | dict[str, Tensor]:
        """One for all layers, or one for each kind of them."""
        config = self._encoder.config
        if "sliding_attention" not in (getattr(config, "layer_types", None) or ()):
            return self._as_added(packing.mask())
        return {
            "full_attention": self._as_added(packing.mask()),
            "sliding_attention": self._as_added(packing.mask(config.sliding_window)),
        }

    def _as_added(self, mask: Tensor) -> Tensor:
        """A mask as the implementation of attention takes it: booleans, or numbers to be added."""
        if self._encoder.config._attn_implementation == "sdpa":
            return mask
        dtype = self._encoder.dtype
        return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, torch.finfo(dtype).min)


@contextmanager
def packed_layers(
    model: "PreTrainedModel", accelerator: "Accelerator | None" = None, *, compiled: bool = False
) -> Iterator[PackedLayers | None]:
    """Let a model's layers run packed batches, for as long as the context lasts.

    Args:
        model: An encoder, with or without a task head.
        accelerator: Where it is run, and in which precision; ``None``: on the CPU.
        compiled: Whether layers are compiled, which they are for one call of attention.

    Yields:
        What is told of each batch's packing; ``None`` if the layers of its family see more than
        the states, or attend in another way than through a mask.
    """
    encoder = cast("PreTrainedModel", model.base_model)
    path = packed_path(encoder)
    # How a model attends is in a private field of its configuration alone.
    attention = encoder.config._attn_implementation
    if path is None or attention not in MASKED:
        logger.info("%s: batches are run with their padding", type(model).__name__)
        yield None
        return
    first, last = encoder.get_submodule(path.first), encoder.get_submodule(path.last)
    from_ids = first is encoder
    alone = from_ids and attention == "sdpa" and not compiled
    one_row = alone and _without_mask(encoder, accelerator)
    cost = LayerCost.of(hidden_size(encoder), int(encoder.config.num_attention_heads))
    layers = PackedLayers(encoder, partial(in_one_row if one_row else in_rows, cost=cost))
    before = layers.pack_ids if from_ids else layers.pack_states
    # A hook is a context that ends with it.
    with (
        first.register_forward_pre_hook(before, with_kwargs=True),
        last.register_forward_hook(layers.unpack),
        _attending(encoder, NAME if one_row else attention),
    ):
        yield layers


def _without_mask(encoder: "PreTrainedModel", accelerator: "Accelerator | None") -> bool:
    """Whether there is an attention for sentences in one row that needs no mask over all of it."""
    if accelerator is None or accelerator.device.type == "cpu":
        return True
    dtype = torch.bfloat16 if accelerator.mixed_precision == "bf16" else encoder.dtype
    width = hidden_size(encoder) // int(encoder.config.num_attention_heads)
    return attends_to_any_length(accelerator.device, dtype, width)


@contextmanager
def _attending(encoder: "PreTrainedModel", attention: str) -> Iterator[None]:
    """Let an encoder attend in another way for a while."""
    before = encoder.config._attn_implementation
    encoder.set_attn_implementation(attention)
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)
