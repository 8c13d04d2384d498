"""What runs have measured layer by layer: logged as curves, and read back."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from alignfreeze.base.digests import hash_of
from alignfreeze.errors import DataError
from alignfreeze.evaluation.scores import rows_from_csv, rows_to_csv
from alignfreeze.probing.scores import AlignmentScore, DriftScore
from alignfreeze.tracking.layer_names import LayerKind, LayerName, curves_in, single_layers_in
from alignfreeze.tracking.location import artifact_path
from alignfreeze.tracking.names import MEASURED_HASH
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.tracking.store import StoredRun
from alignfreeze.tracking.writing import WRITER

ALIGNMENT_FILE = "alignment.csv"
DRIFT_FILE = "drift.csv"


class Measurement(NamedTuple):
    """Scores of one encoder, or of one after the other."""

    alignment: Sequence[AlignmentScore]
    drift: Sequence[DriftScore]


def metric_values(measurement: Measurement) -> dict[LayerName, float]:
    """What a measurement is logged as; of alignment the mean of both directions."""
    values: dict[LayerName, list[float]] = defaultdict(list)
    for score in measurement.alignment:
        name = LayerName("alignment", score.stage, score.language, score.layer)
        weak = name._replace(kind="alignment_weak")
        values[weak if score.kind == "weak" else name].append(score.value)
    for moved in measurement.drift:
        values[LayerName("drift", moved.stage, moved.language, moved.layer)].append(moved.value)
    return {name: float(np.mean(found)) for name, found in values.items()}


def log_measurement(run: TrackedRun, measurement: Measurement) -> None:
    """Log a measurement as metrics, and as files, which have both directions of alignment."""
    for name, value in metric_values(measurement).items():
        run.metric(name.metric, value, name.layer)
    texts = {
        ALIGNMENT_FILE: rows_to_csv(measurement.alignment, AlignmentScore),
        DRIFT_FILE: rows_to_csv(measurement.drift, DriftScore),
    }
    for file, text in texts.items():
        run.text(text, file)
    run.tags({MEASURED_HASH: hash_of(texts)})


def measured(run: StoredRun, folder: Path) -> Measurement:
    """What a run has measured, if its files are as it has logged them.

    Args:
        run: The run.
        folder: Where files are downloaded to that are not on this machine.

    Raises:
        DataError: If they are not, or one is gone or damaged.
    """
    kinds = (ALIGNMENT_FILE, DRIFT_FILE)
    files = {name: artifact_path(run.run_id, name, folder) for name in kinds}
    alignment, drift = files.values()
    if alignment is None or drift is None:
        raise DataError(f"{ALIGNMENT_FILE if alignment is None else DRIFT_FILE} is gone")
    found = Measurement(rows_from_csv(alignment, AlignmentScore), rows_from_csv(drift, DriftScore))
    texts = {ALIGNMENT_FILE: alignment.read_text("utf-8"), DRIFT_FILE: drift.read_text("utf-8")}
    if hash_of(texts) != run.tags.get(MEASURED_HASH):
        raise DataError(f"{' and '.join(kinds)} do not hold what the run has logged")
    return found


def alignment_by_layer(run: StoredRun) -> dict[LayerName, float]:
    """The strong word alignment that a run has measured, of every stage, language and layer."""

    def strong(file: Path) -> Measurement:
        rows = rows_from_csv(file, AlignmentScore)
        return Measurement([row for row in rows if row.kind == "strong"], [])

    return _by_layer(run, "alignment", ALIGNMENT_FILE, strong)


def drift_by_layer(run: StoredRun) -> dict[LayerName, float]:
    """The drift that a run has measured, of every stage, language and layer."""

    def rows(file: Path) -> Measurement:
        return Measurement([], rows_from_csv(file, DriftScore))

    return _by_layer(run, "drift", DRIFT_FILE, rows)


def _by_layer(
    run: StoredRun, kind: LayerKind, name: str, read: Callable[[Path], Measurement]
) -> dict[LayerName, float]:
    """What a run has measured of a kind.

    Read from its file, which is one request where the curves are one each; from these where the
    file cannot be had or is damaged.
    """
    curves = {n: first for n, first in curves_in(run.metrics).items() if first.kind == kind}
    if not curves:
        found = single_layers_in(run.metrics).items()
        return {layer: value for layer, value in found if layer.kind == kind}
    with TemporaryDirectory(prefix="alignfreeze-") as folder:
        file = artifact_path(run.run_id, name, Path(folder))
        try:
            values = metric_values(read(file)) if file is not None else {}
        except DataError:
            values = {}
    return values or _histories(run.run_id, curves)


def _histories(run_id: str, curves: dict[str, LayerName]) -> dict[LayerName, float]:
    """The values of curves."""
    found: dict[LayerName, float] = {}
    for metric, name in curves.items():
        nothing: list[Metric] = []
        asked = f"read {metric} of run {run_id}"
        points = WRITER.ask(asked, partial(_history, run_id, metric), nothing)
        found |= {name._replace(layer=point.step): point.value for point in points}
    return found


def _history(run_id: str, metric: str) -> list[Metric]:
    return list(MlflowClient().get_metric_history(run_id, metric))
