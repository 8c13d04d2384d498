"""Whole grids in one process, on the embedded data and encoder, a few steps each."""

import shutil
from collections import Counter

import mlflow
import pandas as pd
import pytest

from alignfreeze.benchmark import dependencies, execution
from alignfreeze.benchmark.cells import cells_of
from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.benchmark.settings import build_benchmark
from alignfreeze.data.finding import find_data
from alignfreeze.errors import AlignFreezeError, ConfigError, Interrupted
from alignfreeze.report.report import report
from alignfreeze.search.coordinator import search
from alignfreeze.training import loop
from alignfreeze.workers.assignments import ends_of, open_cells, put_in
from alignfreeze.workers.queue import retry
from alignfreeze.workers.storage import open_storage
from alignfreeze.workers.worker import Owner
from tests.alignfreeze.tracked import what

SMALL = {"tasks": "pos"}

FRONT = "front:boundary=2"
"""What the strategy comes to in an encoder of four layers."""


def runs(experiment):
    """The experiment's runs, the newest first."""
    return mlflow.search_runs([experiment], output_format="list")


def names(experiment, status="FINISHED"):
    return Counter(what(r) for r in runs(experiment) if r.info.status == status)


def cell_names(tasks, strategies, seeds):
    return {f"{t}-{s}-{seed}" for t in tasks for s in strategies for seed in seeds}


def raising(error):
    """A function that raises."""

    def fail(*args, **kwargs):
        raise error

    return fail


def cell_table(experiment):
    (parent,) = [r for r in runs(experiment) if what(r) == "alignfreeze benchmark"]
    path = mlflow.artifacts.download_artifacts(run_id=parent.info.run_id, artifact_path="cells.csv")
    return parent, pd.read_csv(path)


def test_a_grid_is_done_once_and_reported(experiment, options, tmp_path):
    shown = []
    outcome = benchmark(options, shown.append)
    assert shown == [outcome.plan]
    found = names(experiment)
    wanted = cell_names(("pos", "ner"), ("baseline", FRONT), (31,))
    assert {name: found[name] for name in wanted} == dict.fromkeys(wanted, 1)
    # One encoder for two cells; every cell has fine-tuned.
    assert (found["realign"], found["finetune-pos"], found["finetune-ner"]) == (1, 2, 2)
    assert {run.info.status for run in runs(experiment)} == {"FINISHED"}
    parent, table = cell_table(experiment)
    assert table["state"].tolist() == ["done"] * 4
    assert parent.data.metrics["cells/done"] == 4
    assert parent.info.run_name == "benchmark pos ner (4 cells)"
    assert "4 cells: 4 done\n" in parent.data.tags["mlflow.note.content"]
    assert (parent.data.metrics["cells/failed"], parent.data.metrics["cells/to_do"]) == (0, 0)
    by_id = {run.info.run_id: run for run in runs(experiment)}
    for row in table.itertuples():
        run = by_id[row.run_id]
        strategy = "front" if row.strategy == FRONT else row.strategy
        assert run.info.run_name == f"{strategy} {row.task} seed {row.seed}"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.metrics.keys() >= {"validation/de/accuracy", "test/ru/accuracy"}
        args = "{'boundary': 2}" if row.strategy == FRONT else "{}"
        assert run.data.params["cfg.strategy_args"] == args
    for told in outcome.rows():
        mean = by_id[told["run_id"]].data.metrics[f"test/target_mean/{told['metric']}"]
        assert (told["target_mean"], told["done_before"]) == (mean, False)
    for run in runs(experiment):
        assert run.data.tags.keys() >= {"alignfreeze.version", "alignfreeze.libraries"}

    n_runs = len(runs(experiment))
    again = benchmark(options)
    assert not again.plan.to_do
    assert len(runs(experiment)) == n_runs
    assert {run.info.status for run in runs(experiment)} == {"FINISHED"}
    _, table = cell_table(experiment)
    assert table["state"].tolist() == ["done"] * 4

    # Another strategy is two cells more, in a study of its own.
    more = benchmark({**options, "study": "", "strategies": "baseline,front,back"})
    assert [cell.strategy for cell in more.plan.to_do] == ["back:boundary=2"] * 2
    # The parent of the second grid, two cells and their phases, one encoder.
    assert len(runs(experiment)) == n_runs + 1 + 2 + 2 + 1
    name = mlflow.get_experiment(experiment).name
    reported = report({"experiments": name, "output": str(tmp_path / "report")})
    assert reported.missing == {}
    scores = pd.read_csv(tmp_path / "report" / "scores.csv")
    assert len(scores) == 6 * 3  # cells, and the languages of each


def test_what_a_run_of_its_own_has_computed_is_taken_over(experiment, options):
    benchmark({**options, **SMALL})
    before = names(experiment)
    # The same cell, asked for with another study, whose finished run is gone.
    for run in runs(experiment):
        if what(run) == "pos-front:boundary=2-31":
            mlflow.delete_run(run.info.run_id)
    outcome = benchmark({**options, **SMALL})
    assert [str(cell) for cell in outcome.plan.to_do] == ["demo, pos, front:boundary=2, seed 31"]
    assert names(experiment) == before
    (cell,) = [run for run in runs(experiment) if what(run) == "pos-front:boundary=2-31"]
    assert "alignfreeze.reused.fine-tuning_on_pos" in cell.data.tags


def test_a_failed_cell_stops_no_other(experiment, options, caplog):
    given = {**options, **SMALL, "strategies": "baseline,front:boundary=99,front"}
    with pytest.raises(AlignFreezeError, match=r"1 of 3 cells failed, such as demo, pos, front:"):
        benchmark(given)
    assert "pos, front:boundary=99, seed 31 failed: " in caplog.text
    parent, table = cell_table(experiment)
    assert parent.info.status == "FAILED"
    assert "boundary" in parent.data.tags["alignfreeze.error"]
    states = dict(zip(table["strategy"], table["state"], strict=True))
    assert states == {"baseline": "done", FRONT: "done", "front:boundary=99": "failed"}
    assert "boundary" in table.set_index("strategy")["problem"]["front:boundary=99"]
    # Again, it is the only one that is tried.
    with pytest.raises(AlignFreezeError, match="1 of 3 cells failed"):
        benchmark(given)
    assert names(experiment, "FAILED")["pos-front:boundary=99-31"] == 2
    found = names(experiment)
    assert (found["pos-baseline-31"], found["pos-front:boundary=2-31"]) == (1, 1)


def test_an_interrupted_grid_goes_on(experiment, options, monkeypatch):
    given = {**options, "tasks": "pos", "seeds": "31,42"}
    original, calls = execution.Bench._result, []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise Interrupted("interrupted by Ctrl-C")
        return original(*args, **kwargs)

    monkeypatch.setattr(execution.Bench, "_result", interrupted)
    with pytest.raises(Interrupted, match="the same command goes on"):
        benchmark(given)
    parent, table = cell_table(experiment)
    assert parent.info.status == "KILLED"
    assert sorted(table["state"]) == ["done", *["to do"] * 3]
    benchmark(given)
    found = names(experiment)
    wanted = cell_names(("pos",), ("baseline", FRONT), (31, 42))
    assert {name: found[name] for name in wanted} == dict.fromkeys(wanted, 1)
    parent, table = cell_table(experiment)
    assert parent.info.status == "FINISHED"
    assert table["state"].tolist() == ["done"] * 4


def test_a_cell_interrupted_while_it_fine_tunes_realigns_no_more(experiment, options, monkeypatch):
    given = {**options, "tasks": "pos", "strategies": "front"}
    with monkeypatch.context() as patch:
        stopped = Interrupted("interrupted by SIGTERM")
        patch.setattr(execution.Phases, "finetune", raising(stopped))
        with pytest.raises(Interrupted):
            benchmark(given)
    (realigned,) = [run for run in runs(experiment) if what(run) == "realign"]
    planned = benchmark({**given, "dry_run": "true"}).plan
    assert "1 of them realign: 0 new encoder(s), 1 of done cells" in planned.lines()
    benchmark(given)
    done = ("realign", "finetune-pos", f"pos-{FRONT}-31", "alignfreeze benchmark")
    assert names(experiment) == dict.fromkeys(done, 1)
    # No other cell fine-tunes it, so that it does not stay.
    left = mlflow.artifacts.list_artifacts(run_id=realigned.info.run_id)
    assert [file.path for file in left] == ["config.yaml"]


def test_a_grid_goes_on_from_the_checkpoint_of_another(experiment, options, monkeypatch):
    begun, run = [], loop._Loop.run

    def watched(self, progress):
        begun.append(progress.step)
        return run(self, progress)

    monkeypatch.setattr(loop._Loop, "run", watched)
    given = {**options, "tasks": "pos", "strategies": "baseline"}
    with monkeypatch.context() as patch:
        patch.setattr(loop._Loop, "_agree", lambda self, stop, step: step == 2)
        with pytest.raises(Interrupted):
            benchmark(given)
    assert begun == [0]
    benchmark({**given, "study": "", "strategies": "baseline,none"})
    # The baseline's fine-tuning goes on; what `none` realigns, and fine-tunes, begins.
    assert sorted(begun[1:]) == [0, 0, 2]


def test_data_may_move_between_two_calls(experiment, options, tmp_path, monkeypatch):
    shutil.copytree(find_data("demo").root, tmp_path / "a" / "world")
    given = {**options, **SMALL, "models": "demo", "data": str(tmp_path / "a" / "world")}
    with monkeypatch.context() as patch:
        patch.setattr(execution.Bench, "_result", raising(Interrupted("interrupted")))
        with pytest.raises(Interrupted):
            benchmark(given)
    (tmp_path / "a").rename(tmp_path / "b")
    benchmark({**given, "data": str(tmp_path / "b" / "world")})
    found = names(experiment)
    assert (found["pos-baseline-31"], found["pos-front:boundary=2-31"]) == (1, 1)


def test_a_dry_run_leaves_nothing(options, tmp_path, monkeypatch):
    store = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{store}")
    try:
        outcome = benchmark({**options, "dry_run": "true"})
        assert len(outcome.plan.to_do) == 4
        file = tmp_path / "grid.yaml"
        file.write_text("dry_run: true")
        assert benchmark({**options, "config": str(file)}).plan.to_do
        with pytest.raises(ConfigError):
            benchmark({**options, "dry_run": "true", "seeds": "x"})
    finally:
        mlflow.set_tracking_uri(before)
    assert not list(tmp_path.glob("*.db"))


def test_a_dry_run_says_what_is_done(experiment, options):
    benchmark({**options, **SMALL})
    n_runs = len(runs(experiment))
    outcome = benchmark({**options, "dry_run": "true"})
    assert outcome.plan.lines()[0] == "4 cells: 2 done, 2 to do"
    assert outcome.plan.lines()[-1].startswith("about 0:00:")
    assert len(runs(experiment)) == n_runs


def test_a_process_with_other_code_gives_its_cell_back(experiment, options, monkeypatch):
    given = {**options, **SMALL}
    with monkeypatch.context() as patch:
        versions = iter([{"torch": "1"}, {"torch": "2"}])
        patch.setattr(dependencies, "library_versions", versions.__next__)
        with pytest.raises(ConfigError, match="another version of the code"):
            benchmark(given)
    assert not names(experiment)
    assert names(experiment, "FAILED") == {"alignfreeze benchmark": 1}
    with open_storage(options["storage"], 30) as storage:
        queue = open_cells(storage, options["study"])
        assert (queue.counts().waiting, queue.counts().finished) == (2, 0)


def test_a_cell_stays_as_it_was_asked_for_wherever_it_is_done(experiment, options, tmp_path):
    source = find_data("demo").root
    here = tmp_path / "here" / "world"
    shutil.copytree(source, tmp_path / "there" / "world")
    shutil.copytree(source, here)
    asked = str(tmp_path / "there" / "world")
    given = {**options, **SMALL, "data": asked, "models": "demo", "strategies": "baseline"}
    with open_storage(given["storage"], 30, retry) as storage:
        queue = open_cells(storage, given["study"])
        (cell,) = cells_of(build_benchmark(given))
        put_in(queue, {cell.identity: execution.attributes_of(cell)}, execution.key_of)
        run = mlflow.MlflowClient().create_run(experiment)
        bench = execution.Bench(Owner("x", run.info.run_id), queue, {"data": str(here)})
        bench.do(queue.claim())
        (trial,) = queue.trials()
        assert trial.user_attrs["config"]["data"] == asked
        (end,) = ends_of(queue, execution.key_of).values()
        assert end.problem == ""
        assert mlflow.get_run(end.run_id).data.params["cfg.data"] == str(here)


@pytest.mark.parametrize(
    ("there", "here", "complaint"),
    [
        ("/a/suite", "/b/other", "must be called 'suite' too"),
        ("hub:/a/mirror", "/b/mirror", "must be of its kind"),
        ("/a/suite", "hub:/b/suite", "must be of its kind"),
    ],
)
def test_what_reports_would_take_for_another_may_not_stand_for_it(there, here, complaint):
    with pytest.raises(ConfigError, match=complaint):
        execution.check_place(there, here)


def test_a_grid_whose_run_was_deleted_gets_another(experiment, options):
    given = {**options, **SMALL, "strategies": "baseline"}
    benchmark(given)
    (parent,) = [run for run in runs(experiment) if what(run) == "alignfreeze benchmark"]
    mlflow.delete_run(parent.info.run_id)
    benchmark(given)
    (again,) = [run for run in runs(experiment) if what(run) == "alignfreeze benchmark"]
    assert again.info.status == "FINISHED"


def test_a_study_is_of_one_grid(experiment, options):
    benchmark({**options, **SMALL, "strategies": "baseline"})
    with pytest.raises(ConfigError, match="is not of this grid"):
        benchmark({**options, **SMALL, "strategies": "baseline", "finetune_steps": "5"})
    (failed,) = [run for run in runs(experiment) if run.info.status == "FAILED"]
    assert "is not of this grid" in failed.data.tags["alignfreeze.error"]
    with pytest.raises(ConfigError, match="is not one of AlignFreeze's"):
        search({"study": options["study"], "storage": options["storage"], "trials": "1"})


def test_a_wrong_option_fails_the_run_that_mlflow_opened(experiment, options, monkeypatch):
    run = mlflow.MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    with pytest.raises(ConfigError, match="tasks must name"):
        benchmark({**options, "tasks": ","})
    assert mlflow.get_run(run.info.run_id).info.status == "FAILED"
