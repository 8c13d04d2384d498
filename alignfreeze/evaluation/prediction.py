"""Zero-shot evaluation: a fine-tuned model on the splits of every language."""

from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

import torch
from accelerate.utils import gather_object

from alignfreeze.base.progress import progress_bar
from alignfreeze.base.threads import in_threads
from alignfreeze.contracts import Feature, Prediction, Task
from alignfreeze.encoders.accelerator import attention_of_any_shape
from alignfreeze.evaluation.promises import check_metrics, check_predictions, tell_lacking
from alignfreeze.evaluation.scores import EvaluationSet, Score
from alignfreeze.training.batches import FeatureBatch, batches_by_length

if TYPE_CHECKING:
    from accelerate import Accelerator
    from tqdm import tqdm
    from transformers import PreTrainedModel
    from transformers.utils.generic import ModelOutput

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
) -> list[Score]:
    """Score a fine-tuned model on several languages and splits, shared among the processes.

    It takes what `predict` takes, but for ``sets``, and a model on any device.

    Returns:
        All scores, in the order of ``sets``; the same in every process.

    Raises:
        PluginError: If a method of the task fails, or a metric is no finite number.
    """
    model.to(accelerator.device)
    numbers = range(accelerator.process_index, len(sets), accelerator.num_processes)
    # All sets at once: the more rows there are, the more of them have the same length.
    rows = [feature for number in numbers for feature in sets[number].features]
    found = predict(
        model, task, rows, batch_size=batch_size, padding=padding, accelerator=accelerator
    )
    predictions = iter(found)
    own: list[tuple[int, dict[str, float]]] = []
    for number in numbers:
        chosen = sets[number]
        said = list(islice(predictions, len(chosen.features)))
        metrics = task.metrics(chosen.examples, chosen.features, said)
        check_metrics(task, metrics, chosen.language, chosen.split)
        own.append((number, metrics))
    scores = [
        Score(sets[number].language, sets[number].split, metric, value)
        for number, metrics in sorted(gather_object(own))
        for metric, value in metrics.items()
    ]
    if accelerator.is_main_process:
        tell_lacking(task, scores)
    return scores
