"""What identifies a phase: the hash of everything that its result depends on."""

from collections.abc import Mapping, Sequence
from typing import Any

from alignfreeze.base.digests import hash_of
from alignfreeze.base.versions import code_digest
from alignfreeze.config import About, Phase, RunConfig, fields_with, subset_of

REALIGN_FIELDS = fields_with(RunConfig, lambda role: role.decides(Phase.REALIGNMENT))
FINETUNE_FIELDS = fields_with(RunConfig, lambda role: role.decides(Phase.FINETUNING))

PARALLEL_FIELDS = fields_with(RunConfig, lambda role: role.of_parallel_text)
"""Options of a realignment's parallel text, whose content is in the hash instead."""

MATERIAL_FIELDS = fields_with(RunConfig, lambda role: role.read)
"""Options that the data, read, aligned and tokenized, depends on."""


def material_of(config: RunConfig) -> dict[str, Any]:
    """All of a configuration that the data depends on: of a seed that draws languages, that too."""
    subset = subset_of(config.realign_languages)
    drawn = {"seed"} if subset is not None and subset.by_seed else set()
    return config.model_dump(mode="json", include={*MATERIAL_FIELDS, *drawn})


MEMORY_FIELDS = frozenset(fields_with(RunConfig, lambda role: role.about is About.MEMORY))
"""Options that say how much memory a run may take, on whatever machine, and change no bit."""

HOW_FIELDS = MEMORY_FIELDS | set(fields_with(RunConfig, lambda role: role.about is About.COURSE))
"""Options that change how a run gets to its result, not the result."""


def config_hash(config: RunConfig) -> str:
    """The hash of a configuration, without the options that leave its result alone."""
    return hash_of(config.model_dump(mode="json", exclude=set(HOW_FIELDS)))


def phase_hash(config: RunConfig, fields: Sequence[str], dependencies: Mapping[str, Any]) -> str:
    """The hash of a phase: of the options that it depends on, and what else.

    That is digests of data, plugins and models, the number of steps, the precision, the number of
    processes.
    """
    chosen = config.model_dump(mode="json", include=set(fields))
    return hash_of({"code": code_digest(), "config": chosen, **dependencies})
