"""What was measured is taken over whole, or not at all."""

from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest

from alignfreeze.probing.scores import AlignmentScore, DriftScore
from alignfreeze.runs.measures import Measures
from alignfreeze.tracking.curves import ALIGNMENT_FILE, DRIFT_FILE, Measurement, log_measurement
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.store import stored_run

MEASUREMENT = Measurement(
    [
        AlignmentScore("realigned", language, layer, kind, direction, value)
        for language in ("de", "no")
        for layer in (0, 1)
        for kind, direction, value in [
            ("weak", "forward", 0.7),
            ("weak", "backward", 0.9),
            ("strong", "forward", 0.1 + layer),
            ("strong", "backward", 0.1 + layer),
        ]
    ],
    [DriftScore("realigned", language, 0, 1 / 3) for language in ("en", "de", "no")],
)


@pytest.fixture
def measured(experiment) -> str:
    """The id of a run that has logged `MEASUREMENT`."""
    with tracked_run("realign") as run:
        log_measurement(run, MEASUREMENT)
        run.metric("realign/loss", 1.5)
    assert run.run_id is not None
    return run.run_id


def file_of(run_id: str, name: str) -> Path:
    """The file of a run itself, not a copy of it."""
    return Path(mlflow.get_run(run_id).info.artifact_uri.removeprefix("file://")) / name


@pytest.fixture
def measures(accelerator, tmp_path) -> Measures:
    # That some pairs are held out is all that is asked.
    return Measures(SimpleNamespace(held_out=[object()]), accelerator, tmp_path)


def test_what_is_whole_is_taken_over(measured, measures, caplog):
    assert measures.take_over("front", stored_run(measured))
    assert measures.by_strategy == {"front": MEASUREMENT}
    assert caplog.messages == []


@pytest.mark.parametrize("name", [ALIGNMENT_FILE, DRIFT_FILE])
@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:-1],  # of two directions that are equal, one
        lambda lines: lines[:2],
        lambda lines: lines[:1],
        lambda lines: [],
        lambda lines: [*lines[:-1], lines[-1].rpartition(",")[0]],
        lambda lines: [*lines[:-1], f"{lines[-1][:-1]}7"],
        lambda lines: [*lines, *lines[-2:]],
    ],
)
def test_what_is_not_whole_is_not_taken_over(measured, measures, name, damage, caplog):
    file = file_of(measured, name)
    lines = file.read_text().splitlines()
    assert damage(lines) != lines
    file.write_text("".join(f"{line}\n" for line in damage(lines)))
    assert not measures.take_over("front", stored_run(measured))
    assert measures.by_strategy == {}
    (warning,) = caplog.messages
    assert warning.startswith(
        f"what the finished run {measured} has measured cannot be taken over, so it is computed "
        "again: "
    )


def test_what_is_gone_is_not_taken_over(measured, measures):
    file_of(measured, DRIFT_FILE).unlink()
    assert not measures.take_over("front", stored_run(measured))
