"""A task tried on a few rows before anything is trained: what would end a run should not wait."""

import warnings
from typing import TYPE_CHECKING, Literal

from alignfreeze.contracts import Prediction, Task
from alignfreeze.contracts.guarding import calling
from alignfreeze.encoders.trial import computing, untrained_head
from alignfreeze.evaluation.prediction import said_by
from alignfreeze.evaluation.promises import check_metrics, check_outcomes
from alignfreeze.evaluation.scores import EvaluationSet
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.training.batches import batches_by_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EXAMPLES = 16
SUBWORDS = 256
"""At most so many examples are tried, and no more of them once there are so many subwords."""


def rehearse(
    data: TaskData,
    encoder: "PreTrainedModel",
    model: str,
    *,
    padding: int,
    precision: Literal["bf16", "fp32"],
) -> dict[str, float]:
    """Score what an encoder with an untrained head says of a few validation examples.

    Args:
        data: The task, and its examples.
        encoder: The encoder; it is left as it is.
        model: Where it was loaded from.
        padding: Id of the padding token.
        precision: That of the run.

    Returns:
        The metrics, by name; their values say nothing.

    Raises:
        PluginError: If a method of the task fails, or its metrics are not numbers by name, with the
            primary one among them.
        EncoderError: If transformers has no such head for the encoder.
    """
    task = data.task
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what warns on few examples may be right on many
        chosen = _few(data.first_validated(EXAMPLES))
        with (
            untrained_head(encoder, model, task.auto_class, task.labels) as whole,
            computing(whole, precision),
        ):
            said = _said(task, whole, chosen, padding)
        metrics, outcomes = task.scored(chosen.examples, chosen.features, said)
    check_metrics(task, metrics)
    if outcomes is not None:
        check_outcomes(task, outcomes, metrics, size=len(chosen.examples))
    return dict(metrics)


def _said(
    task: Task, whole: "PreTrainedModel", chosen: EvaluationSet, padding: int
) -> list[Prediction]:
    """What a task takes from an encoder with a head, for every row."""
    said: list[Prediction] = [()] * len(chosen.features)
    forward = f"{type(whole).__name__}.forward, with what featurize made,"
    for batch in batches_by_length(chosen.features, EXAMPLES, padding):
        with calling(task, forward):
            outputs = whole(**batch.to(whole.device).inputs)
        for row, own in zip(batch.rows, said_by(task, outputs, batch), strict=True):
            said[row] = own
    return said


def _few(chosen: EvaluationSet) -> EvaluationSet:
    """The first examples, one or more, that do not have too many subwords."""
    subwords = 0
    for feature in chosen.features:
        subwords += len(feature.input_ids)
        if subwords > SUBWORDS:
            return chosen.first(max(feature.example, 1))
    return chosen
