"""What identifies a phase: the hash of everything that its result depends on."""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import alignfreeze
from alignfreeze.caching import folder_digest
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

# Whatever another version of may give other numbers. Not here: pyarrow, datasets, safetensors and
# pandas, which keep and write numbers as they are; scipy, scikit-learn and networkx, which the
# aligner simalign alone computes with, and says so itself.
ENCODING = (
    "torch",
    "transformers",
    "tokenizers",  # splits text into subwords
    "numpy",  # draws orders and masks, gathers and measures
)
"""What an encoder's vectors of a text depend on."""

LIBRARIES = (
    *ENCODING,
    "accelerate",  # precision, and what processes share
    "icu4py",  # splits text into words
    "seqeval",  # scores named entities
)
"""What a result depends on, beside this package, the plugins and Python."""

MEMORY_FIELDS = frozenset({"prefix_memory", "activation_checkpointing"})
"""Options that say how much memory a run may take, on whatever machine, and change no bit."""

HOW_FIELDS = MEMORY_FIELDS | {"resume", "reuse", "save_model", "checkpoint_steps"}
"""Options that change how a run gets to its result, not the result."""


def hash_of(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """SHA-256 of a value as JSON with sorted keys, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def library_versions() -> dict[str, str]:
    """The versions of what computes; another one may give other numbers.

    Of Python's own the last part is left out: sums and the classes of characters are the same.
    """
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{name: version(name) for name in LIBRARIES}}


def versions_text(versions: Mapping[str, str]) -> str:
    """Versions in one line: ``accelerate 1.10.0, numpy 2.3.1``, sorted by name."""
    return ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))


def config_hash(config: RunConfig) -> str:
    """The hash of a configuration, without the options that leave its result alone."""
    return hash_of(config.model_dump(mode="json", exclude=set(HOW_FIELDS)))


def code_digest() -> str:
    """The hash of this package's own code, so that a change of it makes a new phase."""
    return folder_digest(Path(alignfreeze.__file__).parent, "*.py", "contracts/*.py")


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
