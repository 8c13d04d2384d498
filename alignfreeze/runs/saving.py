"""Networks that runs keep as MLflow Models, and register."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Task
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import PluginError, TrackingError
from alignfreeze.serving.kinds import KINDS, VECTORS
from alignfreeze.tracking.model_folders import TOKENIZER, SavedModel, describe_model
from alignfreeze.tracking.registry import register

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

MODEL = "model"
"""What the model of a fine-tuning is called in its run."""

ALIAS = "candidate"
"""The alias of what is registered, unless another is given; MLflow keeps `latest` to itself."""


def pipeline_of(task: Task) -> str:
    """Transformers' pipeline that takes a task's models; empty if there is none."""
    own = (kind.pipeline for kind in KINDS.values() if kind.auto_class == task.auto_class)
    return task.pipeline or next(own, "")


def check_example(name: str, task: Task) -> None:
    """Check that the question that a task shows with its models is one for its pipeline.

    Raises:
        PluginError: If it is not.
    """
    kind = KINDS.get(pipeline_of(task))
    if kind and task.example and (fault := kind.fault_of(task.example)):
        raise PluginError(f"task {name!r}: its example for {kind.pipeline} {fault}")


def save_model(
    network: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    folder: Path,
    config: RunConfig,
    task: Task | None = None,
) -> None:
    """Write a network into an empty folder, as MLflow and transformers load it.

    Args:
        network: A model with a head, or an encoder.
        tokenizer: Its tokenizer.
        folder: Where to.
        config: What it was trained by.
        task: What it was fine-tuned on; ``None`` for an encoder.

    Raises:
        TrackingError: If MLflow makes nothing of it.
    """
    described = SavedModel(
        network=type(network).__name__,
        tokenizer=type(tokenizer).__name__,
        auto_class=task.auto_class if task else VECTORS.auto_class,
        pipeline=pipeline_of(task) if task else VECTORS.pipeline,
        example=task.example if task else {},
        options={
            "max_length": config.max_length,
            "remove_marks": config.word_marks == "removed",
            **(task.model_dump(mode="json") if task else {}),
        },
    )
    describe_model(folder, described)
    save(network, tokenizer, folder)
    tokenizer.save_pretrained(folder / TOKENIZER)


def registered(run_id: str, name: str, asked: str, part: str, told: str) -> str:
    """Register what a run has logged, as an option asks for it; what came of it, in one line.

    Args:
        run_id: The run.
        name: What it has logged.
        asked: The option: ``NAME`` or ``NAME@ALIAS``.
        part: What follows the name, where a run registers several; else empty.
        told: The description of the version.
    """
    base, _, alias = asked.partition("@")
    full, alias = "-".join([base, *([part] if part else [])]), alias or ALIAS
    full = re.sub(r"[^\w.-]", "-", full)
    try:
        version = register(run_id, name, registered=full, alias=alias, told=told)
    except TrackingError as error:
        line = f"not registered as {full}: {error}"
        logger.warning("%s of run %s is %s", name, run_id, line)
        return line
    known = f" (version {version})" if version else ", when the tracking store is back"
    return f"registered: models:/{full}@{alias}{known}"
