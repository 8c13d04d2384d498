"""What an encoder was before realignment, for objectives that keep to it."""

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alignfreeze.encoders.families import word_states
from alignfreeze.realignment.pairs import PairBatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Pretrained:
    """A copy of an encoder, in evaluation mode, which is run without gradients.

    It shares the parameters that are frozen, and is a copy of the others.

    Args:
        encoder: Frozen as it will be; what is said of it later leaves the copy as it is.
        device: Where it is run.
    """

    def __init__(self, encoder: "PreTrainedModel", device: torch.device) -> None:
        nn.Module.to(encoder, device)  # what transformers says of its own takes no device
        frozen = [p for p in encoder.parameters() if not p.requires_grad]
        self._encoder = copy.deepcopy(encoder, {id(tensor): tensor for tensor in frozen})
        self._encoder.requires_grad_(False).eval()

    def states(self, batch: PairBatch, layers: tuple[int, ...]) -> list[Tensor]:
        """The outputs of some layers, laid as the batch's packing says, (rows, places, hidden)."""
        with torch.no_grad():
            found = word_states(self._encoder, batch.input_ids, batch.attention_mask, layers)
        return found if batch.packing is None else [batch.packing.pack(own) for own in found]
