"""Attention over one row that holds all sentences of a batch: each sees itself alone."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from alignfreeze.training.bunches import LayerCost, Sentences

logger = logging.getLogger(__name__)

NAME = "alignfreeze_packed"
"""By which transformers finds it."""

MASKED = "packed rows are attended to under a mask"


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    sentences: Sentences | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attend within each sentence of a row; as transformers does it where there is no such row.

    Args:
        module: The layer's attention.
        query: Of shape (1, heads, places, width).
        key: Of the same shape.
        value: Of the same shape.
        attention_mask: Read only without ``sentences``.
        sentences: Those of the row.
        dropout: Of the weights.
        scaling: Of the products; ``None``: one over the root of the width.
        sliding_window: One more than how far a place sees; ``None``: its whole sentence.
        **others: What transformers hands over besides.

    Returns:
        Of shape (1, places, heads, width), and no weights.
    """
    if sentences is None:
        found: tuple[Tensor, None] = sdpa_attention_forward(
            *(module, query, key, value, attention_mask, dropout, scaling),
            sliding_window=sliding_window,
            **others,
        )
        return found
    places = [states[0].transpose(0, 1) for states in (query, key, value)]
    how = Attending(dropout, scaling, None if sliding_window is None else sliding_window - 1)
    attend = of_any_length if query.is_cuda else bunch_by_bunch
    return attend(places, sentences, how)[None], None


class Attending(NamedTuple):
    """Dropout of the weights, scale of the products, and how far a place sees."""

    dropout: float = 0.0
    scale: float | None = None
    window: int | None = None


def bunch_by_bunch(states: Sequence[Tensor], sentences: Sentences, how: Attending) -> Tensor:
    """Attend to padded bunches; queries, keys and values are of shape (places, heads, width)."""
    parts = []
    for bunch in sentences.bunches:
        query, key, value = (bunch.padded(own) for own in states)
        mask = bunch.seen(how.window, query.device)
        found = scaled_dot_product_attention(query, key, value, mask, how.dropout, scale=how.scale)
        parts.append(bunch.unpadded(found))
    return torch.cat(parts)


def of_any_length(states: Sequence[Tensor], sentences: Sentences, how: Attending) -> Tensor:
    """The same without any padding, by PyTorch's flash attention.

    Its public face, `torch.nn.attention.varlen`, has no dropout; this is what lies beneath.
    """
    device = states[0].device.type
    if torch.is_autocast_enabled(device):
        states = [own.to(torch.get_autocast_dtype(device)) for own in states]
    query, key, value = states
    bounds, longest = sentences.bounds, sentences.longest
    causal = debugging = False
    result: Tensor = torch.ops.aten._flash_attention_forward(
        *(query, key, value, bounds, bounds, longest, longest, how.dropout, causal, debugging),
        scale=how.scale,
        window_size_left=how.window,
        window_size_right=how.window,
    )[0]
    return result


@cache
def attends_to_any_length(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Whether `of_any_length` is there for heads of some width, right, and the same each time."""
    generator = torch.Generator().manual_seed(0)
    lengths = np.sort(np.random.default_rng(0).integers(1, 96, size=48))[::-1].tolist()
    sentences = Sentences.of(lengths, LayerCost.of(12 * width, 12)).to(device)
    drawn = torch.randn(4, sum(lengths), 12, width, generator=generator).to(device, dtype)

    def both(attend: Any) -> Tensor:
        rows = [row.clone().requires_grad_() for row in drawn[:3]]
        states = attend(rows, sentences, Attending())
        return torch.stack([states.detach(), *torch.autograd.grad(states, rows, drawn[3])])

    try:
        first, *again = (both(of_any_length) for _ in range(3))
        near = torch.allclose(first, both(bunch_by_bunch), rtol=0.05, atol=0.05)
    except (AttributeError, RuntimeError, TypeError) as error:
        logger.info("%s: %s", MASKED, str(error).partition("\n")[0])
        return False
    same = all(torch.equal(first, other) for other in again)
    if not (near and same):
        fault = "is another each time" if near else "is not that of PyTorch's attention"
        logger.info("%s: flash attention %s", MASKED, fault)
    return near and same


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
