"""An encoder's place on the accelerator, outside of training."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@contextmanager
def on_accelerator(encoder: "torch.nn.Module") -> Iterator["torch.device"]:
    """Have the encoder on the accelerator for a while, whose memory training needs afterwards."""
    import torch

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    encoder.to(device)
    try:
        yield device
    except BaseException:
        with suppress(RuntimeError):  # a device that has failed gives nothing back
            encoder.to("cpu")
        raise
    encoder.to("cpu")
