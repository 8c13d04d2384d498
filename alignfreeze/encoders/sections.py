"""A part of an encoder's layers, run on its own; shares the encoder's weights."""

import copy
import functools
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from alignfreeze.encoders.families import layer_count, layer_list
from alignfreeze.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CLOSE = 1e-4
"""How far two sections, one after the other, may be from the encoder; between 32-bit numbers."""


class EncoderSection:
    """The layers ``[start, stop)`` of an encoder.

    The family's own code runs them, embeddings and masks included, in a copy of the encoder's
    modules around the same parameters: layers outside of the section hand on what they get.

    Args:
        encoder: The encoder, without a task head; it is left as it is.
        start: The first layer that is run; if it is not 0, states are to be given.
        stop: One past the last layer that is run.
        between: Done to the states that go from one layer of the section to the next, and to
            those that leave it.

    Attributes:
        encoder: The copy. Called by itself, with states fed, it returns what the encoder
            would from them on; outputs of layers before ``start`` are meaningless.

    Raises:
        EncoderError: If the encoder keeps its layers in several lists.
    """

    def __init__(
        self,
        encoder: "PreTrainedModel",
        start: int,
        stop: int,
        between: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        # The same parameters and buffers in other modules.
        shared = chain(encoder.parameters(), encoder.buffers())
        self.encoder = copy.deepcopy(encoder, {id(tensor): tensor for tensor in shared})
        self._between = between
        self._start, self._stop = start, stop
        self._fed: Tensor | None = None
        self._left: Tensor | None = None
        layers = layer_list(self.encoder)
        others = other_outputs(encoder)
        if start > 0:
            # Outside of the layers, where it is the embeddings' that nothing reads.
            for module in set(self.encoder.modules()).difference(layers.modules()):
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
        for number, layer in enumerate(layers):
            if not start <= number < stop:
                layer.forward = functools.partial(hand_on, others)
            if number == stop or (0 < number == start) or (between and start < number < stop):
                before = functools.partial(self._before, number)
                layer.register_forward_pre_hook(before, with_kwargs=True)

    def feed(self, states: Tensor | None) -> None:
        """Give what layer ``start`` reads next, of shape (batch, subwords, hidden)."""
        self._fed = states

    def states(
        self, input_ids: Tensor, attention_mask: Tensor, fed: Tensor | None = None
    ) -> Tensor:
        """What layer ``stop`` would read, of shape (batch, subwords, hidden).

        Args:
            input_ids: Subword ids of shape (batch, subwords).
            attention_mask: 1 for a subword, 0 for padding, of the same shape.
            fed: What layer ``start`` reads, if that is not 0.
        """
        self.feed(fed)
        self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        left, self._left, self._fed = self._left, None, None
        assert left is not None, "every layer is called"
        return left

    def _before(self, number: int, _: nn.Module, args: tuple[Any, ...], kwargs: Any) -> Any:
        """What a layer of the section, or the one after it, reads instead."""
        states = args[0] if args else kwargs["hidden_states"]
        if 0 < number == self._start:
            if self._fed is None:
                raise RuntimeError(f"a section from layer {number} on must be fed with states")
            states = self._fed
        elif self._between is not None:
            states = self._between(states)
        if number == self._stop:
            self._left = states
        return ((states, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": states})


def check_sections(encoder: "PreTrainedModel", boundary: int) -> None:
    """Check that an encoder may be cut before a layer, in ``[1, layers)``.

    Raises:
        EncoderError: If its layers read more than the states of the layer before, so that the
            sections do not give what the whole does.
    """
    lower = EncoderSection(encoder, 0, boundary)
    upper = EncoderSection(encoder, boundary, layer_count(encoder))
    ids = torch.arange(3, 11, device=encoder.device).reshape(2, 4)
    mask = torch.ones_like(ids)
    mask[1, 3:] = 0
    training = encoder.training
    for model in (encoder, lower.encoder, upper.encoder):
        model.eval()
    try:
        with torch.no_grad():
            whole = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            upper.feed(lower.states(ids, mask))
            parts = upper.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    finally:
        encoder.train(training)
    difference = float(((whole - parts).abs() * mask[..., None]).max())
    if not difference <= CLOSE:
        raise EncoderError(f"its layers depend on more than the layer before ({difference:.2g})")


def hand_on(others: int | None, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
    """What a layer that is not run returns; ``others`` as `other_outputs` says."""
    return hidden_states if others is None else (hidden_states, *[None] * others)


def other_outputs(encoder: "PreTrainedModel") -> int | None:
    """How many things a layer returns besides its states; ``None`` for the states alone."""
    first = layer_list(encoder)[0]
    own = vars(first).get("forward")
    if isinstance(own, functools.partial):  # of a section, which was asked when it was cut
        return own.args[0]  # type: ignore[no-any-return]
    found: list[int | None] = []
    hook = first.register_forward_hook(
        lambda module, args, out: found.append(len(out) - 1 if isinstance(out, tuple) else None)
    )
    with hook, torch.no_grad():
        encoder(input_ids=torch.full((1, 2), 3, device=encoder.device))
    return found[0]
