"""A task tried on a few rows before anything is trained: what would end a run should not wait."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Literal

from alignfreeze.contracts import Prediction
from alignfreeze.contracts.registry import TASK, described
from alignfreeze.encoders.trial import computing, untrained_head
from alignfreeze.errors import AlignFreezeError, PluginError, one_line
from alignfreeze.evaluation.prediction import said_by
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
    with _calling(data, "featurize"):
        chosen = _few(data.first_validated(EXAMPLES))
    said: list[Prediction] = [()] * len(chosen.features)
    with (
        untrained_head(encoder, model, task.auto_class, task.labels) as whole,
        computing(whole, precision),
    ):
        for batch in batches_by_length(chosen.features, EXAMPLES, padding):
            with _calling(data, f"{type(whole).__name__}.forward, with what featurize made,"):
                outputs = whole(**batch.to(whole.device).inputs)
            with _calling(data, "predict"):
                for row, own in zip(batch.rows, said_by(task, outputs, batch), strict=True):
                    said[row] = own
    with _calling(data, "metrics"):
        metrics = task.metrics(chosen.examples, chosen.features, said)
    _check(data, metrics)
    return metrics


def _few(chosen: EvaluationSet) -> EvaluationSet:
    """The first examples, one or more, that do not have too many subwords."""
    subwords = 0
    for feature in chosen.features:
        subwords += len(feature.input_ids)
        if subwords > SUBWORDS:
            return chosen.first(max(feature.example, 1))
    return chosen


@contextmanager
def _calling(data: TaskData, what: str) -> Iterator[None]:
    """Say whose method has failed; what warns on few examples may be right on many."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except AlignFreezeError:
        raise
    except Exception as error:
        raise PluginError(
            f"{described(TASK, data.name)}: {what} fails on a few validation examples: "
            f"{one_line(error)}"
        ) from error


def _check(data: TaskData, metrics: object) -> None:
    """Check that metrics are what `Task.metrics` promises; NaN is a number here."""
    rule = f"{described(TASK, data.name)}: metrics must"
    if not isinstance(metrics, Mapping):
        raise PluginError(f"{rule} return a dict, got {type(metrics).__name__}")
    for name, value in metrics.items():
        if not isinstance(name, str):
            raise PluginError(f"{rule} have names that are texts, got {name!r}")
        if isinstance(value, bool) or not isinstance(value, Real):
            raise PluginError(f"{rule} be numbers, got {name!r}: {value!r:.60}")
    if data.task.primary_metric not in metrics:
        raise PluginError(
            f"{rule} hold the primary one, {data.task.primary_metric!r}, got "
            f"{', '.join(metrics) or 'none'}"
        )
