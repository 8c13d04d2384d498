"""Run an encoder up to the highest layer that is read, and that one at the words that are read."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alignfreeze.encoders.families import layer_list, path_after_attention
from alignfreeze.encoders.sections import hand_on, other_outputs
from alignfreeze.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TopLayer:
    """The highest layer that is read, run at some places alone while they are set.

    Its attention sees all places as ever; what follows, most of a layer's arithmetic, takes each
    place by itself, so that nothing changes at those that are run. Its output is 0 elsewhere.
    """

    def __init__(self) -> None:
        self._places: Tensor | None = None
        self._shape = torch.Size()

    def read_at(self, places: Tensor) -> None:
        """Say where the output is read, from now on: in the backward pass it may be run again.

        Args:
            places: Indices into the batch laid flat, each once, of shape (places,).
        """
        self._places = places

    def select(self, _: nn.Module, states: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        """The states that are run, of shape (1, places, hidden)."""
        if self._places is None:
            return None
        self._shape = states[0].shape
        return tuple(own.flatten(0, 1).index_select(0, self._places)[None] for own in states)

    def put_back(self, _: nn.Module, states: object, output: Tensor) -> Tensor:
        """What has come of them, where they were, of shape (batch, subwords, hidden)."""
        if self._places is None:
            return output
        batch, subwords, width = self._shape
        whole = output.new_zeros(batch * subwords, width)
        return whole.index_copy(0, self._places, output[0]).view(self._shape)


@contextmanager
def up_to(encoder: "PreTrainedModel", top: int) -> Iterator[TopLayer]:
    """Leave the layers above one out, as long as the context lasts: they hand on what they get.

    An encoder that keeps its layers in several lists, or is of no known family, runs as ever.

    Args:
        encoder: The encoder, without a task head.
        top: The highest layer whose output is read, in ``[0, layers)``.

    Yields:
        What is told at which places that output is read.
    """
    result = TopLayer()
    try:
        layers = layer_list(encoder)
    except EncoderError:
        yield result
        return
    above = layers[top + 1 :]
    others = other_outputs(encoder) if above else None
    for layer in above:
        layer.forward = functools.partial(hand_on, others)
    path = path_after_attention(encoder)
    try:
        with ExitStack() as hooks:
            if path is not None:
                first, last = (layers[top].get_submodule(n) for n in (path.first, path.last))
                hooks.enter_context(first.register_forward_pre_hook(result.select))
                hooks.enter_context(last.register_forward_hook(result.put_back))
            yield result
    finally:
        for layer in above:
            del layer.forward
