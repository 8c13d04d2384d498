"""Dry runs: what they say is what the run then does, and they leave nothing."""

import shutil

import mlflow
import pytest

from alignfreeze.errors import ConfigError
from alignfreeze.planning import dry_run
from alignfreeze.planning.dry_run import plan_evaluate, plan_realign, plan_run
from alignfreeze.runs import pipeline
from alignfreeze.tracking.location import artifact_folder

pytestmark = pytest.mark.usefixtures("cache")

OPTIONS = {
    "languages": "de,ru",
    "compare": "baseline",
    "pair_limit": "50",
    "realign_steps": "4",
    "finetune_steps": "5",
    "precision": "fp32",
    "seed": "2207",
}


def test_a_plan_says_phases_steps_and_sizes_and_asks_no_store_to_be_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    plan = plan_run({**OPTIONS, "alignment_pairs": "5"})
    assert [(phase.strategy, phase.name) for phase in plan.phases] == [
        ("baseline", "finetune-pos"),
        ("front", "realign"),
        ("front", "finetune-pos"),
    ]
    steps = {phase.name: phase.steps for phase in plan.phases}
    assert steps == {"realign": 4, "finetune-pos": 5}
    assert {phase.taken_over for phase in plan.phases} == {None}
    assert all(phase.memory > 2**20 for phase in plan.phases)
    assert plan.sizes[0] == (
        "pos: 60 rows to train on in en, 72 examples to evaluate on in en and 2 target "
        "language(s): de ru"
    )
    assert "held out to measure alignment: 10 sentence pairs: de 5, ru 5" in plan.sizes
    assert any(line.startswith("parallel text: ") for line in plan.sizes)
    assert "3 phase(s): 0 taken over, 3 to do" in plan.lines()
    assert plan.lines()[-1].startswith("no estimate")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", ["during", "after"])
def test_a_fine_tuning_that_realigns_as_well_is_one_phase_with_both_batches(when):
    given = {**OPTIONS, "reuse": "false", "realign_batch_size": "64"}
    before = {(p.strategy, p.name): p for p in plan_run(given).phases}
    found = {(p.strategy, p.name): p for p in plan_run({**given, "realign_when": when}).phases}
    both = found["front", "finetune-pos"]
    assert found.keys() == {("baseline", "finetune-pos"), ("front", "finetune-pos")}
    assert found["baseline", "finetune-pos"] == before["baseline", "finetune-pos"]
    plain = before["front", "finetune-pos"]
    assert both.batch == f"{plain.batch}, {before['front', 'realign'].batch}"
    assert both.memory > plain.memory
    # Nothing is frozen where the task trains as well.
    frozen = before["front", "realign"].memory
    assert both.memory > frozen if when == "during" else both.memory == frozen


def test_it_trains_nothing_and_opens_no_run(experiment, monkeypatch):
    for phase in ("_realign", "_finetune"):
        monkeypatch.setattr(dry_run.Phases, phase, lambda *args: pytest.fail("trained"))
    plan_run(OPTIONS)
    assert mlflow.search_runs([experiment], output_format="list") == []


def test_what_finished_runs_hold_is_taken_over_unless_it_is_gone(experiment):
    done = pipeline.run(OPTIONS)
    plan = plan_run({**OPTIONS, "compare": "baseline,none"})
    states = {(phase.strategy, phase.name): phase.taken_over for phase in plan.phases}
    assert states["none", "realign"] is None
    assert states["none", "finetune-pos"] is None
    found = mlflow.search_runs([experiment], output_format="list")
    by_name = {run.info.run_name: run.info.run_id for run in found}
    assert states["baseline", "finetune-pos"] == by_name["finetune-pos-baseline"]
    assert states["front", "realign"] == by_name["realign"]
    assert states["front", "finetune-pos"] == by_name["finetune-pos"]
    told = plan.lines()
    assert "5 phase(s): 3 taken over, 2 to do" in told
    assert f"front realign: taken over from run {by_name['realign']}" in told
    assert told[-1].endswith("as measured before")

    again = plan_run({**OPTIONS, "reuse": "false"})
    assert len(again.to_do) == 3

    encoder = plan_evaluate({"encoder": str(done.run_id), "finetune_steps": "3", "languages": "de"})
    assert [(p.strategy, p.name, p.steps) for p in encoder.phases] == [("front", "finetune-pos", 3)]

    shutil.rmtree(artifact_folder(by_name["realign"]) / "encoder")
    (phase,) = plan_realign(OPTIONS).phases
    assert (phase.name, phase.steps, phase.taken_over) == ("realign", 4, None)


@pytest.mark.parametrize(
    ("plan", "options", "rule"),
    [
        (plan_run, {"encoder": "x"}, "encoder is for evaluate alone"),
        (plan_run, {"strategy_args": "boundary=9"}, "boundary must be <= 4"),
        (plan_realign, {"strategy": "baseline"}, "strategy must be one that realigns"),
    ],
)
def test_it_ends_as_the_run_would(plan, options, rule):
    with pytest.raises(ConfigError, match=rule):
        plan({**OPTIONS, **options})


def test_the_run_that_mlflow_run_has_opened_is_ended(experiment, monkeypatch):
    def opened() -> str:
        run_id = mlflow.MlflowClient().create_run(experiment).info.run_id
        monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
        return run_id

    run_id = opened()
    plan_realign(OPTIONS)
    assert mlflow.get_run(run_id).info.status == "FINISHED"
    run_id = opened()
    with pytest.raises(ConfigError, match="seed"):
        plan_realign({**OPTIONS, "seed": "x"})
    run = mlflow.get_run(run_id)
    assert run.info.status == "FAILED"
    assert "seed must be" in run.data.tags["alignfreeze.error"]
