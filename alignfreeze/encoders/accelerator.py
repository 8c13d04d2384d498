"""An encoder's place on the accelerator, outside of training."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@contextmanager
def attention_of_any_shape() -> Iterator[None]:
    """Attend in a way that has nothing to prepare for each new shape of a batch.

    In bf16, PyTorch prefers cuDNN's attention on some GPUs (an H100 is one), which makes a plan for
    each shape that it meets, forward and backward, for some tenths of a second; then it is no
    faster. Batches of sentences have a new shape nearly every time.
    """
    from torch.backends import cuda

    before = cuda.cudnn_sdp_enabled()
    cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        cuda.enable_cudnn_sdp(before)


@contextmanager
def on_accelerator(encoder: "torch.nn.Module") -> Iterator["torch.device"]:
    """Have the encoder on the accelerator for a while, whose memory training needs afterwards.

    It reads batches of any shape meanwhile.
    """
    import torch

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    encoder.to(device)
    try:
        with attention_of_any_shape():
            yield device
    except BaseException:
        with suppress(RuntimeError):  # a device that has failed gives nothing back
            encoder.to("cpu")
        raise
    encoder.to("cpu")
