"""What identifies a phase: the hash of everything that its result depends on."""

from collections.abc import Mapping, Sequence
from typing import Any

from alignfreeze.base.digests import hash_of
from alignfreeze.base.versions import code_digest
from alignfreeze.config import RunConfig

SHARED_FIELDS = ("seed", "accumulation", "compile", "word_marks")


REALIGN_FIELDS = (
    *SHARED_FIELDS,
    "source_language",
    "alignment_pairs",
    "language_mix",
    "temperature",
    "layer",
    "projection",
    "prefix",
    "loss_block",  # sums in another order
    "realign_batch_size",
    "realign_lr",
    "realign_max_length",
)


FINETUNE_FIELDS = (
    *SHARED_FIELDS,
    "source_language",
    "alignment_pairs",
    "warmup",
    "finetune_batch_size",
    "eval_batch_size",
    "finetune_lr",
    "max_length",
)


PARALLEL_FIELDS = (
    "realign_languages",
    "aligner",
    "aligner_args",
    "pair_limit",
    "pair_max_words",
    "pair_max_ratio",
    "pair_duplicates",
)
"""Options of a realignment's parallel text, whose content is in the hash instead."""


MEMORY_FIELDS = frozenset({"prefix_memory", "activation_checkpointing"})
"""Options that say how much memory a run may take, on whatever machine, and change no bit."""


HOW_FIELDS = MEMORY_FIELDS | {"resume", "reuse", "save_model", "checkpoint_steps"}
"""Options that change how a run gets to its result, not the result."""


def config_hash(config: RunConfig) -> str:
    """The hash of a configuration, without the options that leave its result alone."""
    return hash_of(config.model_dump(mode="json", exclude=set(HOW_FIELDS)))


def phase_hash(config: RunConfig, fields: Sequence[str], dependencies: Mapping[str, Any]) -> str:
    """The hash of a phase.

    Args:
        config: The configuration.
        fields: Those of its fields that the phase depends on.
        dependencies: What else it depends on: digests of data, plugins and models, the number
            of steps, the precision, the number of processes.
    """
    chosen = config.model_dump(mode="json", include=set(fields))
    return hash_of({"code": code_digest(), "config": chosen, **dependencies})
