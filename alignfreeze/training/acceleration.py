"""How a model is run while it trains: compiled, in less memory, without waits for the device."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor
from transformers import masking_utils

from alignfreeze.encoders.families import layer_list
from alignfreeze.errors import ConfigError, EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PEEK = "_ignore_bidirectional_mask_sdpa"
"""A private part of transformers, which has no option for what `unread_masks` needs; where it is
gone, masks are built as transformers does it."""

OPERATOR = "bernoulli_.float"

FEWEST = 1 << 16
"""Elements from which on masks of dropout are drawn faster; of fewer as ever, to the bit."""


@contextmanager
def accelerated(
    model: "PreTrainedModel", *, compiled: bool, activation_checkpointing: bool
) -> Iterator[None]:
    """Run an encoder, or one with a task head, as the options say, while the context lasts.

    Compiled: the layers are, once for all lengths. With activation checkpointing their inputs alone
    are kept, and each layer is run again in the backward pass.

    Raises:
        ConfigError: If the model's family does not support it.
    """
    checkpointing = _checkpointing(model) if activation_checkpointing else nullcontext()
    with checkpointing, compiled_layers(model) if compiled else nullcontext():
        yield


@contextmanager
def _checkpointing(model: "PreTrainedModel") -> Iterator[None]:
    if not model.supports_gradient_checkpointing:
        raise ConfigError(
            f"activation_checkpointing must be false for models such as {type(model).__name__}, "
            "which do not support it, got true"
        )
    # What transformers 5 has come to call "activation" was "gradient" at first.
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{kind}_checkpointing_enable")({"use_reentrant": False})
    # It makes the embeddings need gradients, for the other, reentrant kind; frozen ones need none.
    model.disable_input_require_grads()
    try:
        yield
    finally:
        getattr(model, f"{kind}_checkpointing_disable")()


@contextmanager
def compiled_layers(model: "PreTrainedModel", backend: str = "inductor") -> Iterator[None]:
    """Compile each layer, which has the code of the others, so that it is done once.

    Raises:
        ConfigError: If the encoder keeps its layers in several lists.
    """
    try:
        layers = layer_list(cast("PreTrainedModel", model.base_model))
    except EncoderError as error:
        raise ConfigError(f"compile must be false: {error}") from None
    # A layer with a forward of its own is not run, but handed over.
    chosen = [layer for layer in layers if "forward" not in vars(layer)]
    for layer in chosen:
        layer.compile(dynamic=True, backend=backend)
    try:
        yield
    finally:
        for layer in chosen:
            layer._compiled_call_impl = None  # private to torch, which cannot undo a compilation


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device, without waiting for it: through pinned memory on a GPU."""
    pinned = tensor.pin_memory() if device.type == "cuda" else tensor
    return pinned.to(device, non_blocking=True)


@contextmanager
def unread_masks() -> Iterator[None]:
    """Build attention masks without looking whether they hide anything.

    Transformers leaves a mask out that hides nothing; to know that, the host waits for the
    device in every step.
    """
    peek = getattr(masking_utils, PEEK, None)
    if peek is None:
        yield
        return

    def without_looking(padding_mask: Any, *args: Any, **kwargs: Any) -> Any:
        return padding_mask is None and peek(padding_mask, *args, **kwargs)

    setattr(masking_utils, PEEK, without_looking)
    try:
        yield
    finally:
        setattr(masking_utils, PEEK, peek)


@contextmanager
def fast_dropout(device: torch.device) -> Iterator[None]:
    """Draw large masks of dropout several times faster on a CPU, for as long as the context lasts.

    PyTorch draws a random number for each element there, in one thread: a seventh of a training
    step of a 12-layer encoder. Sixteen random bits decide as well, to within 2^-17 of the
    probability.

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
