"""Zero-shot evaluation: a fine-tuned model on the splits of every language."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING

import torch
from accelerate.utils import gather_object

from alignfreeze.base.progress import progress_bar
from alignfreeze.base.threads import in_threads
from alignfreeze.contracts import Feature, Outcomes, Prediction, Split, Task
from alignfreeze.contracts.guarding import owner_of
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.evaluation.promises import (
    check_metrics,
    check_outcomes,
    check_predictions,
    tell_lacking,
    unfitting,
)
from alignfreeze.evaluation.scores import Evaluation, EvaluationSet, Score
from alignfreeze.messages import listed
from alignfreeze.training.batches import FeatureBatch, batches_by_length

if TYPE_CHECKING:
    from accelerate import Accelerator
    from tqdm import tqdm
    from transformers import PreTrainedModel
    from transformers.utils.generic import ModelOutput

logger = logging.getLogger(__name__)

CPU_SUBWORDS = 1024
"""Subwords in a batch on a CPU."""


def predict(
    model: "PreTrainedModel",
    task: Task,
    features: Sequence[Feature],
    *,
    batch_size: int,
    padding: int,
    accelerator: "Accelerator",
) -> list[Prediction]:
    """What the model says of each feature, in evaluation mode and without gradients.

    Args:
        model: On the accelerator's device.
        task: Reduces the model's outputs; on a CPU, of as many batches at once as there are cores.
        features: The rows.
        batch_size: Rows in a batch.
        padding: Id of the padding token.
        accelerator: Where, and in which precision.

    Returns:
        For each feature the arrays that `Task.metrics` takes.
    """
    model.eval()
    result: list[Prediction] = [()] * len(features)
    on_cpu = accelerator.device.type == "cpu"
    # A CPU is fastest with what its caches hold.
    most = CPU_SUBWORDS if on_cpu else None
    batches = batches_by_length(features, batch_size, padding, subwords=most)
    shown, counting = accelerator.is_main_process, Lock()
    bar: tqdm[None] = progress_bar((), "evaluation", "row", shown=shown, total=len(features))

    def run(batches: Iterator[FeatureBatch]) -> None:
        with torch.inference_mode(), accelerator.autocast():
            for batch in batches:
                outputs = model(**batch.to(accelerator.device).inputs)
                for row, said in zip(batch.rows, said_by(task, outputs, batch), strict=True):
                    result[row] = said
                with counting:
                    bar.update(batch.size)

    with bar, attention_of_any_shape():
        in_threads(run, batches, torch.get_num_threads() if on_cpu else 1)
    return result


def said_by(task: Task, outputs: "ModelOutput", batch: FeatureBatch) -> list[Prediction]:
    """What a task takes from a model's outputs for a batch, row by row, without padding."""
    said = task.predict(outputs)
    check_predictions(task, said, batch.size)
    arrays = [tensor.float().cpu().numpy() for tensor in said]
    lengths = batch.inputs["attention_mask"].sum(dim=1).tolist()
    return [
        tuple(own[:length] if own.ndim else own for own in (array[place] for array in arrays))
        for place, length in enumerate(lengths)
    ]


def evaluate(
    model: "PreTrainedModel",
    task: Task,
    sets: Sequence[EvaluationSet],
    *,
    batch_size: int,
    padding: int,
    accelerator: "Accelerator",
    keep: bool = False,
) -> Evaluation:
    """Score a fine-tuned model on several languages and splits, shared among the processes.

    It takes what `predict` takes, but for ``sets``, and a model on any device; with ``keep``, what
    came of each example is returned too.

    Returns:
        All scores and outcomes, in the order of ``sets``; the same in every process.

    Raises:
        PluginError: If a method of the task fails, a metric is no finite number, or outcomes do not
            come to the metrics.
    """
    model.to(accelerator.device)
    numbers = range(accelerator.process_index, len(sets), accelerator.num_processes)
    # All sets at once: the more rows there are, the more of them have the same length.
    rows = [feature for number in numbers for feature in sets[number].features]
    found = predict(
        model, task, rows, batch_size=batch_size, padding=padding, accelerator=accelerator
    )
    predictions = iter(found)
    own = [(number, *_scored(task, sets[number], predictions, keep=keep)) for number in numbers]
    scores: list[Score] = []
    outcomes: dict[Split, dict[str, Outcomes]] = {}
    unfit: dict[str, None] = {}
    for number, metrics, kept in sorted(gather_object(own), key=itemgetter(0)):
        language, split = sets[number].language, sets[number].split
        scores += [Score(language, split, name, value) for name, value in metrics.items()]
        if kept is not None:
            other = unfitting(kept, metrics)
            unfit |= dict.fromkeys(other)
            parts = {name: own for name, own in kept.parts.items() if name not in other}
            outcomes.setdefault(split, {})[language] = replace(kept, parts=parts)
    if accelerator.is_main_process:
        tell_lacking(task, scores)
        if unfit:
            message = (
                "%s: outcomes do not come to its own metrics, and are kept without parts of %s"
            )
            logger.warning(message, owner_of(task), listed([*unfit]))
        if keep and not outcomes:
            logger.info("%s tells no outcomes: no predictions are kept", owner_of(task))
    return Evaluation(scores, outcomes)


def _scored(
    task: Task, chosen: EvaluationSet, predictions: Iterator[Prediction], *, keep: bool
) -> tuple[Mapping[str, float], Outcomes | None]:
    """The metrics of a set, from the next of the predictions, and its outcomes if asked for."""
    said = list(islice(predictions, len(chosen.features)))
    given = chosen.examples, chosen.features, said
    metrics, outcomes = task.scored(*given) if keep else (task.metrics(*given), None)
    check_metrics(task, metrics, chosen.language, chosen.split)
    if outcomes is not None:
        check_outcomes(
            task,
            outcomes,
            metrics,
            size=len(chosen.examples),
            language=chosen.language,
            split=chosen.split,
        )
    return metrics, outcomes
