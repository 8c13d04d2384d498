"""What a task promises of its examples, rows, predictions and metrics, and whether it keeps it."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from alignfreeze.contracts import Feature, Outcomes, Split, Task
from alignfreeze.contracts.guarding import owner_of
from alignfreeze.errors import PluginError
from alignfreeze.evaluation.scores import Score
from alignfreeze.messages import listed, shortened, shown

logger = logging.getLogger(__name__)

ROUNDING = 1e-6
"""How far a metric may be from what its parts come to."""


def check_examples(task: Task, examples: Sequence[Any], language: str, split: Split) -> None:
    """Check what `Task.load` returns.

    Raises:
        PluginError: If that is nothing; names the task, the language and the split.
    """
    if len(examples) == 0:
        where = _place(language, split)
        raise PluginError(f"{owner_of(task)}: load must return examples, got none{where}")


def check_rows(task: Task, rows: Sequence[Any], n_examples: int, max_length: int) -> None:
    """Check what `Task.featurize` returns for some examples, one or more.

    Raises:
        PluginError: If there is no row, or one is not as `Feature` says; names the task.
    """
    if len(rows) == 0:
        raise PluginError(f"{owner_of(task)}: featurize must return rows, got none")
    names = getattr(rows[0], "targets", {}).keys()
    for number, row in enumerate(rows):
        if fault := next(_faults(row, names, n_examples, max_length), ""):
            raise PluginError(f"{owner_of(task)}: featurize must return {fault}, in row {number}")


def _faults(row: Any, names: object, n_examples: int, max_length: int) -> Iterator[str]:
    """What a row must be, and is not."""
    if not isinstance(row, Feature):
        yield f"a list of Feature, got {type(row).__name__}"
        return
    length = len(row.input_ids)
    if not 0 < length <= max_length:
        yield f"rows of 1 to {max_length} subwords, got {length}"
    example: Any = row.example  # NumPy's numbers will do
    if not (isinstance(example, Integral) and 0 <= int(example) < n_examples):
        yield f"rows of an example from 0 to {n_examples - 1}, got {shown(example)}"
    if not row.targets or row.targets.keys() != names:
        yield f"rows with the same targets, one or more, got {listed(list(row.targets)) or 'none'}"
    for name, values in {**row.targets, **(row.extra_inputs or {})}.items():
        if name in row.targets and isinstance(values, Integral):  # of the row as a whole
            continue
        if (got := _length(values)) != length:
            yield f"a value of {name} for each of {length} subwords, got {got}"


def _length(values: Any) -> object:
    """How many values there are; what it is if it has no length."""
    try:
        return len(values)
    except TypeError:
        return shown(values)


def check_trained(task: Task, rows: Sequence[Any], n_rows: int, max_length: int) -> None:
    """Check that `Task.training_rows` leaves some of the rows to train on.

    Raises:
        PluginError: If not; names the task.
    """
    if len(rows) == 0:
        raise PluginError(
            f"{owner_of(task)}: training_rows must leave rows to train on, got none of {n_rows:,} "
            f"(with max_length {max_length})"
        )


def check_predictions(task: Task, said: Any, size: int) -> None:
    """Check what `Task.predict` returns for a batch of ``size`` rows.

    Raises:
        PluginError: If it is no tuple of tensors with a row for each; names the task.
    """
    found = said if isinstance(said, tuple | list) else ()
    shapes = [getattr(tensor, "shape", None) for tensor in found]
    if not shapes or not all(shape and shape[0] == size for shape in shapes):
        got = f"shapes {[None if shape is None else tuple(shape) for shape in shapes]}"
        raise PluginError(
            f"{owner_of(task)}: predict must return a tuple of tensors with a row for each of the "
            f"batch's {size}, got {got if shapes else type(said).__name__}"
        )


def check_metrics(
    task: Task, metrics: Mapping[Any, Any], language: str = "", split: Split | None = None
) -> None:
    """Check what `Task.metrics` returns, for a language and a split; else for a few examples.

    Of few examples, a metric may be NaN.

    Raises:
        PluginError: If they are not numbers by name, with the primary one among them; names the
            task, the metric, the language, the split and the value.
    """
    rule, where = f"{owner_of(task)}: metrics must", _place(language, split)
    for name, value in metrics.items():
        if not isinstance(name, str):
            raise PluginError(f"{rule} have names that are texts, got {shown(name)}{where}")
        got = f"got {shown(name)}: {value!r:.60}{where}"
        if isinstance(value, bool) or not isinstance(value, Real):
            raise PluginError(f"{rule} be numbers, {got}")
        if split is not None and not math.isfinite(value):
            raise PluginError(f"{rule} be finite, {got}")
    if task.primary_metric not in metrics:
        raise PluginError(
            f"{rule} hold the primary one, {shown(task.primary_metric)}, got "
            f"{listed([shortened(name) for name in metrics]) or 'none'}{where}"
        )


def check_outcomes(
    task: Task,
    outcomes: Outcomes,
    metrics: Mapping[str, float],
    *,
    size: int,
    language: str = "",
    split: Split | None = None,
) -> None:
    """Check what `Task.outcomes` returns for some examples, beside their metrics.

    Raises:
        PluginError: If there is not an entry for each example, or the parts of a metric do not come
            to what `Task.metrics` says; names the task, the language, the split and the metric.
            Where `Task.metrics` was written anew below the outcomes, the latter is no fault.
    """
    rule, where = f"{owner_of(task)}: outcomes must", _place(language, split)
    entries: dict[str, object] = {"gold": outcomes.gold, "predicted": outcomes.predicted}
    for name, parts in outcomes.parts.items():
        entries |= {f"{name}'s {part}": own for part, own in parts._asdict().items()}
    for name, own in entries.items():
        if (got := _length(own)) != size:
            raise PluginError(f"{rule} have {name} of each of {size} examples, got {got}{where}")
    for name in [] if _is_older(task) else unfitting(outcomes, metrics):
        found, said = outcomes.parts[name].value, metrics.get(name, math.nan)
        raise PluginError(
            f"{rule} come to what metrics says, got {shown(name)}: {found:.6f}, where "
            f"metrics says {said:.6f}{where}"
        )


def unfitting(outcomes: Outcomes, metrics: Mapping[str, float]) -> list[str]:
    """The metrics whose parts do not come to what they are said to be."""
    return [
        name
        for name, parts in outcomes.parts.items()
        if name not in metrics or abs(parts.value - metrics[name]) > ROUNDING
    ]


def _is_older(task: Task) -> bool:
    """Whether a task has metrics of its own, beside outcomes that are of a class above it."""
    classes = type(task).__mro__
    places = [
        next(n for n, cls in enumerate(classes) if name in vars(cls))
        for name in ("metrics", "outcomes")
    ]
    return places[0] < places[1]


def tell_lacking(task: Task, scores: Sequence[Score]) -> None:
    """Warn of metrics that some languages have, and others of the same split do not."""
    languages: dict[tuple[Split, str], set[str]] = {}
    of_split: dict[Split, set[str]] = {}
    for score in scores:
        languages.setdefault((score.split, score.metric), set()).add(score.language)
        of_split.setdefault(score.split, set()).add(score.language)
    for (split, metric), having in languages.items():
        if lacking := sorted(of_split[split] - having):
            logger.warning(
                "%s: metrics has no %s for %s, %s: without a value of every target language there "
                "is no mean over them",
                owner_of(task),
                metric,
                listed(lacking),
                split,
            )


def _place(language: str, split: Split | None) -> str:
    return f" for {language}, {split}" if split else ""
