"""Where training runs: the device, the processes, the precision."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedDataParallelKwargs

from alignfreeze.errors import ResourceError, one_line

PATIENCE = timedelta(days=1)
"""How long processes wait for the one that fetches and aligns data."""

Precision = Literal["bf16", "fp32"]


def resolve_precision(precision: Literal["auto", "bf16", "fp32"]) -> Precision:
    """``auto`` is bf16 where the hardware computes in it, else fp32."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "fp32"


def precision_of(accelerator: Accelerator) -> str:
    """What it computes in, as the option ``precision`` names it."""
    return "fp32" if accelerator.mixed_precision == "no" else str(accelerator.mixed_precision)


def device_text(accelerator: Accelerator) -> str:
    """What computes, for a person: a card's name, or a CPU's instructions and threads.

    Sums are rounded otherwise by another one, and training makes more of that: not a result's
    identity, which is the same on all machines, but something to know of two that differ.
    """
    device = accelerator.device
    if device.type == "cpu":
        kind, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
        return f"cpu with {kind}, {threads} thread{'s' if threads > 1 else ''}"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def join_processes() -> PartialState:
    """Meet the other processes of this run, if torchrun has started several.

    Raises:
        ResourceError: If they cannot.
    """
    try:
        return PartialState(cpu=not torch.accelerator.is_available(), timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        if os.environ.get("WORLD_SIZE", "1") == "1":
            raise
        raise ResourceError(
            f"the processes of this run cannot meet: {one_line(error)}; all of them must be "
            "started, by torchrun, and reach each other; resume=true goes on from a checkpoint"
        ) from error


def make_accelerator(precision: Precision) -> Accelerator:
    """The device, the processes and the precision to train with."""
    # Accelerate would keep a process's first precision for good; a notebook may want another. Its
    # own way to forget it is private.
    AcceleratorState._reset_state()
    return Accelerator(
        # Unless told so, it takes several processes without a GPU for one each.
        cpu=not torch.accelerator.is_available(),
        mixed_precision="bf16" if precision == "bf16" else "no",
        # The schedule counts optimizer steps, however many processes take them together.
        step_scheduler_with_optimizer=False,
        # Realigning a layer below the last one leaves those above without gradients.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


@contextmanager
def lent_accelerator(precision: Precision) -> Iterator[Accelerator]:
    """An accelerator for a while, in a process that may have accelerators of its own.

    All of a process share their state, its precision for one: that is then what it was.
    """
    states = AcceleratorState._shared_state, GradientState._shared_state
    before = [dict(state) for state in states]
    try:
        yield make_accelerator(precision)
    finally:
        for state, own in zip(states, before, strict=True):
            state.clear()
            state.update(own)
