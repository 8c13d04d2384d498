"""Networks that runs keep as MLflow Models, and register."""

import logging
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from alignfreeze.base.faults import reason_of
from alignfreeze.config import RunConfig, model_name
from alignfreeze.contracts import Task
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import PluginError, TrackingError
from alignfreeze.evaluation.scores import Score, target_means
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.serving.kinds import KINDS, VECTORS
from alignfreeze.tracking.model_folders import TOKENIZER, SavedModel, describe_model
from alignfreeze.tracking.registry import has_model, register
from alignfreeze.tracking.runs import TrackedRun

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

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
    *,
    length: int | None = None,
) -> None:
    """Write a network into an empty folder, as MLflow and transformers load it.

    Args:
        network: A model with a head, or an encoder.
        tokenizer: Its tokenizer.
        folder: Where to.
        config: What it was trained by.
        task: What it was fine-tuned on; ``None`` for an encoder.
        length: Subwords of a row that it is to answer for; by default as many as in training.

    Raises:
        TrackingError: If MLflow makes nothing of it; an encoder is written all the same.
    """
    described = SavedModel(
        network=type(network).__name__,
        tokenizer=type(tokenizer).__name__,
        auto_class=task.auto_class if task else VECTORS.auto_class,
        pipeline=pipeline_of(task) if task else VECTORS.pipeline,
        example=task.example if task else {},
        options={
            "max_length": length or config.max_length,
            "remove_marks": config.word_marks == "removed",
            **(task.evaluated().model_dump(mode="json") if task else {}),
        },
    )
    try:
        describe_model(folder, described)
    except TrackingError as error:
        if task is not None:
            raise
        logger.warning("the encoder is kept, but cannot be served: %s", error)
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


def name_of(choice: StrategyChoice, data: TaskData) -> str:
    """What the model of a fine-tuning is called, so that lists of models tell them apart."""
    return re.sub(r"[^\w-]", "-", f"{choice.name}-{data.name}")  # MLflow takes few characters


class ModelRuns(PhaseRuns):
    """Runs of phases that keep the models that come of them."""

    def keeps_model(self, choice: StrategyChoice) -> bool:
        """Whether the model that comes of a strategy is logged; registered is the run's own."""
        return self.config.save_model or (choice.main and bool(self.config.register))

    def has_model(self, run_id: str, choice: StrategyChoice, data: TaskData) -> bool:
        """Whether a finished run has what is asked for beside the scores; says so if not."""
        try:
            if not self.keeps_model(choice) or has_model(run_id, name_of(choice, data)):
                return True
        except TrackingError as error:
            logger.warning("%s", error)
        logger.info(
            "the finished run %s has the scores, but not the model, so it is computed again", run_id
        )
        return False

    def tell_model(
        self, run_id: str | None, choice: StrategyChoice, data: TaskData, scores: list[Score]
    ) -> None:
        """Say where a model is that is kept, and register it if that is asked for."""
        config, main = self.config, self.accelerator.is_main_process
        if not (main and run_id and self.keeps_model(choice)) or run_id in self._unkept:
            return
        name = name_of(choice, data)
        label = data.name if choice.main else f"{data.name} {choice.name}"
        self.said.append(f"model of {label}: runs:/{run_id}/{name}")
        if choice.main and config.register:
            part = data.name if len(self.preparation.tasks) > 1 else ""
            metric = data.task.primary_metric
            mean = target_means(scores, config.source_language).get(("test", metric))
            shown = "" if mean is None else f", {metric} {mean:.4f} over the target languages"
            told = f"{data.name}, {choice.name} on {model_name(config.model)}, seed {config.seed}"
            self.said.append(registered(run_id, name, config.register, part, told + shown))

    def log_model(
        self, run: TrackedRun, model: "PreTrainedModel", choice: StrategyChoice, data: TaskData
    ) -> None:
        """Log the model; the scores are worth more, so that what goes wrong here is only told."""
        if run.run_id is None:
            return
        path = self.folder / "models" / run.run_id
        try:
            length = self.config.evaluated_length(data.name)
            tokenizer = self.preparation.tokenizer
            save_model(model, tokenizer, path, self.config, data.task, length=length)
            run.model(path, name_of(choice, data))
        except Exception as error:  # noqa: BLE001  safetensors' of a full disk is no OSError
            self._unkept.add(run.run_id)
            reason = reason_of(error)
            self.said.append(f"model of {data.name}: not kept: {reason}")
            logger.warning("the model of run %s is not kept: %s", run.run_id, reason)
        finally:
            shutil.rmtree(path, ignore_errors=True)  # another one may need the room
