"""Encoders on the way of a longer realignment: to the bit those of realignments of their own."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import mlflow
import pytest

from alignfreeze.base.digests import file_digest
from alignfreeze.base.disks import Need
from alignfreeze.config import build_config
from alignfreeze.errors import Interrupted, ResourceError
from alignfreeze.realignment import pairs
from alignfreeze.runs import kept_states, phase_runs, pipeline, realign_phase
from alignfreeze.runs.identity import HOW_FIELDS
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import Preparation, prepared
from alignfreeze.tracking import location, store
from alignfreeze.tracking.names import Kind
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.training import loop
from alignfreeze.training.devices import make_accelerator

OPTIONS = {
    "languages": "de",
    "realign_languages": "de,ru",
    "compare": ",",
    "realign_steps": "13",
    "finetune_steps": "2",
    "alignment_pairs": "5",
    "checkpoint_steps": "4",
    "precision": "fp32",
}

KEPT: dict[str, Preparation] = {}
"""What these tests read, which is the same for all."""

pytestmark = pytest.mark.usefixtures("cache", "experiment", "no_accelerator")


def realigned(
    folder: Path,
    options: Mapping[str, str],
    steps: int,
    also: Mapping[int, str],
) -> dict[int, store.StoredRun]:
    """The finished realignments of a run of its own, by their steps."""
    config = build_config({**OPTIONS, **options, "realign_steps": str(steps)})
    preparation = prepared(config, KEPT, 1)
    accelerator = make_accelerator("fp32")
    with tracked_run("parent") as parent:
        phases = Phases(preparation, accelerator, parent, folder / str(parent.run_id))
        made = phases.realign(preparation.strategies[-1], steps, also)
        assert (Path(made.path) / "model.safetensors").is_file()
    runs = [run for run in nested_in(parent) if run.status == "FINISHED"]
    return {int(run.params["realign_steps"]): run for run in runs}


def nested_in(parent: TrackedRun) -> list[store.StoredRun]:
    """The runs in a run, and those in these."""
    found, within = [], {parent.run_id}
    for run in reversed(store.stored_runs(())):
        if mlflow.get_run(run.run_id).data.tags["mlflow.parentRunId"] in within:
            found.append(run)
            within.add(run.run_id)
    return found


def weights(run: store.StoredRun, folder: Path) -> str:
    place = mlflow.artifacts.download_artifacts(
        run_id=run.run_id, artifact_path="encoder", dst_path=str(folder / run.run_id)
    )
    return file_digest(Path(place) / "model.safetensors")


def losses(run: store.StoredRun) -> list[tuple[int, float]]:
    found = mlflow.MlflowClient().get_metric_history(run.run_id, "realign/loss")
    return [(metric.step, metric.value) for metric in found]


def same(one: store.StoredRun, other: store.StoredRun, folder: Path) -> None:
    """Check that a later run could not tell two realignments from each other."""
    assert weights(one, folder) == weights(other, folder)
    assert losses(one) == losses(other)
    tags = {"realign_hash", "phase_hash", "config_hash", "measured_hash"}
    assert {tag: one.tags[tag] for tag in tags} == {tag: other.tags[tag] for tag in tags}
    timed = "realign/pairs_per_second"
    without = [{n: v for n, v in run.metrics.items() if n != timed} for run in (one, other)]
    assert without[0] == without[1]
    params = [{n: v for n, v in run.params.items() if n not in HOW_FIELDS} for run in (one, other)]
    assert params[0] == params[1]


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "none"},
        {"strategy": "front", "strategy_args": "embeddings=true", "prefix": "cached"},
        {"strategy": "back", "language_mix": "uniform", "accumulation": "2"},
    ],
    ids=lambda options: "-".join(options.values()),
)
def test_what_is_left_on_the_way_is_that_of_a_realignment_of_its_own(options, tmp_path):
    found = realigned(tmp_path, options, 5, {3: "b", 13: "c,d"})
    assert found.keys() == {3, 5, 13}
    for steps in (5, 13):
        alone = realigned(tmp_path, {**options, "reuse": "false"}, steps, {})
        assert alone.keys() == {steps}
        same(found[steps], alone[steps], tmp_path)
    longest = found[13].run_id
    assert {steps: run.tags.get("on_way_of") for steps, run in found.items()} == {
        5: longest,
        3: longest,
        13: None,
    }
    assert {steps: run.tags.get("wanted_by") for steps, run in found.items()} == {
        5: None,
        3: "b",
        13: "c,d",
    }


def test_rows_of_the_embeddings_that_only_later_steps_read_stay_as_they_were(tmp_path, monkeypatch):
    """Of many pairs it is not known which rows they read, and all are trained."""
    found = realigned(tmp_path, {"strategy": "none"}, 5, {9: ""})
    monkeypatch.setattr(pairs, "REMEMBERED_PAIRS", 0)
    whole = realigned(tmp_path, {"strategy": "none", "reuse": "false"}, 5, {9: ""})
    for steps, run in found.items():
        same(run, whole[steps], tmp_path)


def ended_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next realignment end by a signal after so many steps."""

    def end(self: object, stop: bool, step: int) -> bool:
        return step == steps

    monkeypatch.setattr(loop._Loop, "_agree", end)


def test_what_was_left_before_an_interruption_is_neither_lost_nor_left_again(tmp_path, monkeypatch):
    options = {"strategy": "front", "seed": "77"}
    with monkeypatch.context() as patch:
        ended_after(7, patch)
        with pytest.raises(Interrupted, match="after step 7 of 13"):
            realigned(tmp_path, options, 9, {5: "", 13: ""})
    (before,) = [run for run in store.stored_runs(()) if run.status == "FINISHED"]
    assert before.params["realign_steps"] == "5"
    after = realigned(tmp_path, {**options, "resume": "true"}, 9, {5: "", 13: ""})
    assert after.keys() == {9, 13}
    alone = realigned(tmp_path, {**options, "reuse": "false"}, 9, {5: "", 13: ""})
    for steps, run in {5: before, **after}.items():
        same(run, alone[steps], tmp_path)


def test_an_encoder_that_a_checkpoint_is_past_is_realigned_by_itself(tmp_path, monkeypatch):
    options = {"strategy": "none", "seed": "78"}
    with monkeypatch.context() as patch:
        ended_after(7, patch)
        with pytest.raises(Interrupted, match="after step 7 of 13"):
            realigned(tmp_path, options, 13, {})
    found = realigned(tmp_path, {**options, "resume": "true"}, 5, {13: ""})
    assert found.keys() == {5, 13}
    assert "on_way_of" not in found[5].tags


def test_without_room_for_all_each_is_realigned_by_itself(tmp_path, monkeypatch, caplog):
    def require(needs: Iterable[Need]) -> None:
        if any("2 models" in need.what for need in needs):
            raise ResourceError("2 models that come of it will not fit")

    monkeypatch.setattr(phase_runs, "require_room", require)
    found = realigned(tmp_path, {"strategy": "none", "seed": "79"}, 5, {9: ""})
    assert found.keys() == {5, 9}
    assert "on_way_of" not in found[5].tags
    told = "no encoder is left on the way, each is realigned by itself: 2 models that come of it"
    assert told in caplog.text


def test_the_tasks_of_a_run_share_one_realignment(experiment):
    options = {n: v for n, v in OPTIONS.items() if not n.endswith("_steps")}
    lengths = {
        "task": "qa,pos",
        "finetune_epochs": "3",
        "max_length": "64",
        "seed": "80",
        "alignment_pairs": "20",
    }
    outcome = pipeline.run(
        {**options, **lengths, "preset": "standard", "data": "demo", "model": "demo"}
    )
    runs = [r for r in store.stored_runs(()) if r.status == "FINISHED"]
    made = {int(r.params["realign_steps"]): r for r in runs if r.kind is Kind.REALIGNMENT}
    short, long = sorted(made)
    assert made[short].tags["on_way_of"] == made[long].run_id
    tuned = {r.tags["task"]: r for r in runs if r.kind is Kind.FINETUNING}
    for run in tuned.values():
        assert run.tags["realign_run"] == made[int(run.params["realign_steps"])].run_id
    # The run's own encoder is the first task's, and its measures are of both.
    first = tuned["qa"].tags["realign_run"]
    assert store.find_realignment(str(outcome.run_id)).run_id == first
    assert f"/{first}/" in str(outcome.encoder)
    parent = mlflow.get_run(str(outcome.run_id)).data.metrics
    stages = {name.split("/")[1] for name in parent if name.startswith("word_alignment/")}
    assert stages >= {f"realigned-{short}", f"realigned-{long}"}


# Going on from a finished realignment

MANY = {"realign_batch_size": "2", "keep_optimizer": "true", "strategy": "none"}
"""So that each 64 steps bring words that were not there before."""


def starts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """From where trainings have gone on, as they say."""
    said = [record.getMessage() for record in caplog.records]
    return [line for line in said if "resumed after step" in line or "no checkpoint" in line]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, (23, 70)),
        ({"strategy": "front", "accumulation": "2"}, (23, 40)),
        ({"strategy": "front", "strategy_args": "embeddings=true", "prefix": "cached"}, (7, 12)),
    ],
    ids=lambda value: "-".join(map(str, value.values() if isinstance(value, dict) else value)),
)
def test_a_longer_realignment_goes_on_from_a_shorter_one(options, steps, tmp_path, caplog):
    options = {**MANY, **options}
    short, long = steps
    first = realigned(tmp_path, options, short, {})[short]
    with caplog.at_level("INFO"):
        found = realigned(tmp_path, options, long, {})[long]
    assert starts(caplog) == [f"realignment: resumed after step {short}"]
    assert found.tags["gone_on_from"] == first.run_id
    alone = realigned(tmp_path, {**options, "reuse": "false"}, long, {})[long]
    assert "gone_on_from" not in alone.tags
    same(found, alone, tmp_path)


def test_it_goes_on_from_few_rows_to_all(tmp_path, monkeypatch):
    """Of many pairs it is not known which rows they read, and all are trained."""
    realigned(tmp_path, MANY, 23, {})
    monkeypatch.setattr(pairs, "REMEMBERED_PAIRS", 200)
    found = realigned(tmp_path, MANY, 70, {})[70]
    assert "gone_on_from" in found.tags
    same(found, realigned(tmp_path, {**MANY, "reuse": "false"}, 70, {})[70], tmp_path)


def test_one_that_has_trained_more_rows_is_passed_over(tmp_path, monkeypatch, caplog):
    with monkeypatch.context() as patched:
        patched.setattr(pairs, "REMEMBERED_PAIRS", 0)  # it trains all rows
        realigned(tmp_path, MANY, 4, {})
    with caplog.at_level("INFO"):
        found = realigned(tmp_path, MANY, 6, {})[6]
    assert starts(caplog) == ["realignment: no checkpoint to resume from, so from the start"]
    assert "it was trained on other words" in caplog.text
    assert "gone_on_from" not in found.tags


def test_of_several_states_that_of_the_most_steps_is_taken_that_is_whole(tmp_path, caplog):
    runs = [realigned(tmp_path, MANY, steps, {})[steps] for steps in (4, 8, 12)]
    state = location.artifact_path(runs[1].run_id, "training_state", tmp_path)
    (state / "step-000000008" / "optimizer.bin").write_bytes(b"odd")
    with caplog.at_level("INFO"):
        found = realigned(tmp_path, MANY, 11, {})[11]
    assert starts(caplog) == ["realignment: resumed after step 4"]
    assert "optimizer.bin" in caplog.text
    assert found.tags["gone_on_from"] == runs[0].run_id
    same(found, realigned(tmp_path, {**MANY, "reuse": "false"}, 11, {})[11], tmp_path)


def test_one_stopped_after_its_last_step_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    def stopped(*_: object) -> None:
        raise Interrupted("stopped", number=15)

    with monkeypatch.context() as patched:
        patched.setattr(realign_phase, "keep_state", stopped)
        with pytest.raises(Interrupted, match="stopped"):
            realigned(tmp_path, MANY, 13, {})
    found = realigned(tmp_path, {**MANY, "resume": "true"}, 13, {})[13]
    assert found.tags["state_after"] == "13"
    longer = realigned(tmp_path, MANY, 17, {})[17]
    assert longer.tags["gone_on_from"] == found.run_id
    alone = {**MANY, "reuse": "false"}
    same(found, realigned(tmp_path, alone, 13, {})[13], tmp_path)
    same(longer, realigned(tmp_path, alone, 17, {})[17], tmp_path)


@pytest.mark.parametrize("other", [{"seed": "5"}, {"temperature": "0.3"}, {"strategy": "back"}])
def test_no_other_realignment_is_gone_on_from(other, tmp_path, caplog):
    realigned(tmp_path, MANY, 4, {})
    with caplog.at_level("INFO"):
        found = realigned(tmp_path, {**MANY, **other}, 6, {})[6]
    assert starts(caplog) == []
    assert "gone_on_from" not in found.tags


def test_without_being_asked_no_state_is_kept(tmp_path):
    run = realigned(tmp_path, {"strategy": "none"}, 4, {})[4]
    assert not {"way_hash", "state_after"} & run.tags.keys()
    found = [file.path for file in mlflow.MlflowClient().list_artifacts(run.run_id)]
    assert "training_state" not in found


def test_a_disk_without_room_for_the_state_is_told_before(tmp_path, monkeypatch):
    def none(needs: Iterable[Need], remedy: str = "") -> None:
        if remedy.startswith("keep_optimizer"):
            raise ResourceError(f"no room; {remedy}")

    monkeypatch.setattr(kept_states, "require_room", none)
    with pytest.raises(ResourceError, match="no room; keep_optimizer=false keeps no state"):
        realigned(tmp_path, MANY, 4, {})
