"""Run an encoder up to the highest layer that is read, and that one at the words that are read."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alignfreeze.encoders.families import ModulePath, layer_list, path_after_attention
from alignfreeze.encoders.sections import hand_on, other_outputs
from alignfreeze.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TopLayer:
    """The highest layer that is read, run at some places alone once they are said.

    Its attention sees all places as ever; what follows, most of a layer's arithmetic, takes each
    place by itself, so that nothing changes at those that are run. Its output is 0 elsewhere.

    Args:
        layer: It.
        path: From where to where in it each subword is by itself; ``None``: nowhere.
        above: The layers above it.
        others: How many things a layer returns besides its states, see `other_outputs`.
    """

    def __init__(
        self,
        layer: nn.Module,
        path: ModulePath | None,
        above: Sequence[nn.Module],
        others: int | None,
    ) -> None:
        self._layer = layer
        self._path = path
        self._above = above
        self._others = others
        self._hooks = ExitStack()
        self._places: Tensor | None = None
        self._shape = torch.Size()

    def enter(self) -> None:
        """Let the layers above hand on what they get."""
        for layer in self._above:
            layer.forward = functools.partial(hand_on, self._others)
        if self._path is not None:
            first, last = (self._layer.get_submodule(n) for n in astuple(self._path))
            self._hooks.enter_context(first.register_forward_pre_hook(self._select))
            self._hooks.enter_context(last.register_forward_hook(self._put_back))

    def leave(self) -> None:
        """Let all be as it was."""
        self._hooks.close()
        for layer in self._above:
            del layer.forward

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Run the encoder as ever for a while."""
        self.leave()
        try:
            yield
        finally:
            self.enter()

    def read_at(self, places: Tensor) -> None:
        """Say where the output is read, from now on: in the backward pass it may be run again.

        Args:
            places: Indices into the batch laid flat, each once, of shape (places,).
        """
        self._places = places

    def _select(self, _: nn.Module, states: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        """The states that are run, of shape (1, places, hidden)."""
        if self._places is None:
            return None
        self._shape = states[0].shape
        return tuple(own.flatten(0, 1).index_select(0, self._places)[None] for own in states)

    def _put_back(self, _: nn.Module, states: object, output: Tensor) -> Tensor:
        """What has come of them, where they were, of shape (batch, subwords, hidden)."""
        if self._places is None:
            return output
        batch, subwords, width = self._shape
        whole = output.new_zeros(batch * subwords, width)
        return whole.index_copy(0, self._places, output[0]).view(self._shape)


@contextmanager
def up_to(encoder: "PreTrainedModel", top: int) -> Iterator[TopLayer | None]:
    """Leave the layers above one out, as long as the context lasts: they hand on what they get.

    Args:
        encoder: The encoder, without a task head.
        top: The highest layer whose output is read, in ``[0, layers)``.

    Yields:
        What is told at which places that output is read; ``None`` for an encoder that keeps its
        layers in several lists, and runs as ever.
    """
    try:
        layers = layer_list(encoder)
    except EncoderError:
        yield None
        return
    above = list(layers[top + 1 :])
    others = other_outputs(encoder) if above else None
    result = TopLayer(layers[top], path_after_attention(encoder), above, others)
    result.enter()
    try:
        yield result
    finally:
        result.leave()
