"""What is measured of layers is a curve, and read back whichever way it can be had."""

from pathlib import Path

import mlflow
import pytest

from alignfreeze.probing.scores import AlignmentScore, DriftScore
from alignfreeze.tracking.curves import (
    ALIGNMENT_FILE,
    DRIFT_FILE,
    Measurement,
    alignment_by_layer,
    drift_by_layer,
    log_measurement,
    metric_values,
)
from alignfreeze.tracking.layer_names import LayerName
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.store import StoredRun, stored_run

LANGUAGES = ("de", "no")
MEASUREMENT = Measurement(
    [
        AlignmentScore("realigned", language, layer, kind, direction, value)
        for language in LANGUAGES
        for layer in (0, 1)
        for kind, direction, value in [
            ("weak", "forward", 0.7),
            ("weak", "backward", 0.9),
            ("strong", "forward", 0.1 + layer / 2),
            ("strong", "backward", 0.3 + layer / 2),
        ]
    ],
    [DriftScore("realigned", language, 0, 1 / 3) for language in ("en", *LANGUAGES)],
)
STRONG = {
    LayerName("alignment", "realigned", language, layer): pytest.approx(0.2 + layer / 2)
    for language in LANGUAGES
    for layer in (0, 1)
}


@pytest.fixture
def measured(experiment) -> str:
    """The id of a run that has logged `MEASUREMENT`."""
    with tracked_run("one") as run:
        log_measurement(run, MEASUREMENT)
    assert run.run_id is not None
    return run.run_id


def test_a_curve_is_one_language_with_the_layers_as_steps(measured):
    history = mlflow.MlflowClient().get_metric_history(measured, "word_alignment/realigned/de")
    assert [(point.step, point.value) for point in history] == [
        (0, pytest.approx(0.2)),
        (1, pytest.approx(0.7)),
    ]
    assert set(mlflow.get_run(measured).data.metrics) == {
        f"{begin}/realigned/{language}"
        for begin in ("word_alignment", "word_alignment_weak", "word_drift")
        for language in ("en", *LANGUAGES)
    } - {f"word_alignment{kind}/realigned/en" for kind in ("", "_weak")}


def test_what_is_logged_is_the_mean_of_both_directions():
    values = metric_values(MEASUREMENT)
    assert values.items() >= STRONG.items()
    assert values["alignment_weak", "realigned", "no", 1] == pytest.approx(0.8)
    assert values["drift", "realigned", "en", 0] == 1 / 3
    assert len(values) == 8 + 3


@pytest.mark.parametrize("damage", [None, Path.unlink, lambda file: file.write_text("no table")])
def test_alignment_is_read_of_its_file_or_of_the_curves(measured, damage):
    run = stored_run(measured)
    file = Path(mlflow.get_run(measured).info.artifact_uri.removeprefix("file://")) / ALIGNMENT_FILE
    if damage is not None:
        damage(file)
    assert alignment_by_layer(run) == STRONG


@pytest.mark.parametrize("damage", [None, Path.unlink, lambda file: file.write_text("no table")])
def test_drift_is_read_of_its_file_or_of_the_curves(measured, damage):
    run = stored_run(measured)
    file = Path(mlflow.get_run(measured).info.artifact_uri.removeprefix("file://")) / DRIFT_FILE
    if damage is not None:
        damage(file)
    assert drift_by_layer(run) == {
        LayerName("drift", "realigned", language, 0): pytest.approx(1 / 3)
        for language in ("en", *LANGUAGES)
    }


def test_alignment_of_version_0_1_0_is_read():
    metrics = {f"alignment/realigned/{n.language}/layer_{n.layer}": 0.2 for n in STRONG}
    metrics |= {"alignment_weak/realigned/de/layer_0": 0.3, "drift/realigned/de/layer_0": 0.4}
    run = StoredRun("1", "realign", "FINISHED", 0, 1.0, {}, {}, metrics)
    assert alignment_by_layer(run) == dict.fromkeys(STRONG, 0.2)
    assert drift_by_layer(run) == {LayerName("drift", "realigned", "de", 0): 0.4}
