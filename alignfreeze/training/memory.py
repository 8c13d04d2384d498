"""Memory that is short: told with the options that take less of it, where it happened."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alignfreeze.base.faults import memory_fault
from alignfreeze.config import RunConfig
from alignfreeze.errors import ResourceError

TRAINING = ("activation_checkpointing", "precision")
"""Options by which any training takes less memory, and hardly changes."""

REALIGNMENT = (*TRAINING, "loss_block", "realign_batch_size", "realign_max_length", "prefix_memory")
FINE_TUNING = (*TRAINING, "finetune_batch_size", "max_length")
JOINTLY = (*FINE_TUNING, "loss_block", "realign_batch_size", "realign_max_length")
EVALUATION = ("eval_batch_size", "eval_max_length")
MEASURING = ("eval_batch_size", "alignment_pairs", "realign_max_length")

_SPARING = {
    "activation_checkpointing": "true",
    "precision": "bf16",
    "loss_block": "64",
    "prefix_memory": "0",
}
"""The value of an option that takes least memory, or little; of all others less is less."""

_BY_ACCUMULATION = ("realign_batch_size", "finetune_batch_size")
"""Options that `accumulation` makes up for."""


@contextmanager
def memory_for(what: str, config: RunConfig, options: Sequence[str]) -> Iterator[None]:
    """Tell of memory that something has not enough of in one line, with what helps.

    Args:
        what: What is done, for the error.
        config: What is set.
        options: Those that decide how much memory that takes, what helps most first.

    Raises:
        ResourceError: If memory, of the machine or of its accelerator, does not suffice.
    """
    try:
        yield
    except Exception as error:
        if (short := memory_fault(error)) is None:
            raise
        remedies = ", ".join(filter(None, (_remedy(config, name) for name in options)))
        raise ResourceError(f"{what}: memory is short ({short}); what helps: {remedies}") from error


def _remedy(config: RunConfig, name: str) -> str:
    """What to set an option to; empty if it is set so."""
    value = getattr(config, name)
    if name == "eval_max_length":  # by task; where it says none, rows are as long as in training
        return f"{name} below {max(value.values(), default=config.max_length)}"
    if sparing := _SPARING.get(name):
        known = str(value).lower()
        # Any block is one.
        return "" if known == sparing or (name == "loss_block" and value) else f"{name}={sparing}"
    if value == 1:
        return ""
    made_up = f", with accumulation={config.accumulation * 2}" if name in _BY_ACCUMULATION else ""
    return f"{name} below {value}{made_up}"
