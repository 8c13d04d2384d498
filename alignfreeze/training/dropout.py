"""Draw the masks of dropout several times faster on a CPU.

PyTorch draws a random number for each element there, in one thread: a seventh of a training step
of a 12-layer encoder. Sixteen random bits decide as well, to within 2^-17 of the probability.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

OPERATOR = "bernoulli_.float"

FEWEST = 1 << 16
"""Elements from which on it is worth it; masks of fewer are drawn as ever, to the bit."""


@contextmanager
def fast_dropout(device: torch.device) -> Iterator[None]:
    """Let large masks be drawn from fewer random bits, for as long as the context lasts.

    They are a function of the generator's state as before, though another one. If the model's
    device is no CPU nothing is done, nor with a PyTorch whose operators cannot be replaced.
    """
    if device.type != "cpu" or not hasattr(torch.library, "get_kernel"):
        yield
        return
    plain = torch.library.get_kernel(f"aten::{OPERATOR}", "CPU")

    def draw(keys: Any, mask: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
        if mask.numel() < FEWEST:
            plain.call_boxed(keys, mask, p, generator=generator)
            return mask
        return mask.copy_(_drawn(mask.numel(), p, generator).view(mask.shape))

    library = torch.library.Library("aten", "IMPL")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Warning only once for all operators")
            library.impl(OPERATOR, draw, "CPU", with_keyset=True)
        yield
    finally:
        library._destroy()  # private to torch, which has no other end of an operator's replacement


def _drawn(size: int, p: float, generator: torch.Generator | None) -> Tensor:
    """So many booleans that are true with probability ``p``, of shape (size,)."""
    seed = torch.empty(1, dtype=torch.int64).random_(generator=generator).numpy()
    words = np.random.SFC64(int(seed[0])).random_raw(-(-size // 4))
    return torch.from_numpy(words.view(np.uint16)[:size] < round(p * (1 << 16)))
