"""Whole searches in one process, on few sentences and the embedded encoder, a few steps each."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev
from uuid import uuid4

import mlflow
import optuna
import pandas as pd
import pytest
import yaml
from mlflow.entities import Run
from optuna.trial import TrialState

from alignfreeze.config import build_config
from alignfreeze.data.uriel import has_uriel
from alignfreeze.errors import AlignFreezeError, ConfigError, Interrupted, TrainingError
from alignfreeze.evaluation.outcome_files import FOLDER
from alignfreeze.runs import finetune_phase, pipeline
from alignfreeze.search import artifacts as search_artifacts
from alignfreeze.search import coordinator, study
from alignfreeze.search import trials as search_trials
from alignfreeze.search.coordinator import SearchOutcome, search
from alignfreeze.search.objective import Objective
from alignfreeze.search.settings import build_search
from alignfreeze.search.study import study_name
from alignfreeze.search.worker import join
from alignfreeze.workers.queue import GOES_ON_WITH
from alignfreeze.workers.storage import open_storage
from tests.alignfreeze.tracked import what

OPTIONS = {
    "languages": "de,ru",
    "realign_steps": "4",
    "finetune_steps": "8",
    "precision": "fp32",
    "trials": "2",
    "final_seeds": "31",
    "references": ",",
    "pruner": "none",
}
MORE = {"trials": "3", "final_seeds": "31,42", "references": "none"}


pytestmark = pytest.mark.usefixtures("cache", "experiment")


@pytest.fixture
def options(tmp_path) -> dict[str, str]:
    """Of a study of this test's own."""
    return {
        **OPTIONS,
        "study": uuid4().hex,
        "storage": f"sqlite:///{tmp_path / 'optuna.db'}",
    }


def runs(experiment: str) -> dict[str, Run]:
    """The experiment's runs by name, the newest of a name."""
    found = mlflow.search_runs([experiment], output_format="list")
    return {what(run): run for run in reversed(found)}


def statuses(experiment: str) -> set[str]:
    return {run.info.status for run in mlflow.search_runs([experiment], output_format="list")}


def trials(options: dict[str, str]) -> list[optuna.trial.FrozenTrial]:
    with open_storage(options["storage"], 30) as storage:
        return optuna.load_study(study_name=options["study"], storage=storage).get_trials()


def artifact(run: Run, name: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=name))


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Finished:
    """A search, as it was when it was over; tests may have gone on with its study since then."""

    experiment: str
    options: dict[str, str]
    outcome: SearchOutcome
    runs: dict[str, Run]
    trials: list[optuna.trial.FrozenTrial]
    files: Path
    splits_before_choice: set[str]
    splits_after_choice: set[str]
    trained: Counter[tuple[str, int]]

    @property
    def parent(self) -> Run:
        return self.runs["alignfreeze search"]

    @property
    def best(self) -> optuna.trial.FrozenTrial:
        return self.trials[int(self.parent.data.metrics["best/trial"])]


@pytest.fixture(scope="module")
def finished(fresh_experiment, small_cache, mlflow_store, tmp_path_factory) -> Iterator[Finished]:
    """A search with two strategies, two objectives, two references and two seeds."""
    folder = tmp_path_factory.mktemp("finished")
    options = {
        **OPTIONS,
        **MORE,
        "study": uuid4().hex,
        "search_strategies": "front,back",
        "objectives": "mean,harmed",
        "references": "none,front",
        "finalists": "1",
    }
    splits: list[str] = []
    choices: list[int] = []
    trained: Counter[tuple[str, int]] = Counter()
    evaluate, finetune = finetune_phase.evaluate, finetune_phase.finetune
    choose = coordinator.contenders

    def watched(model, task, sets, **rest):
        splits.extend(chosen.split for chosen in sets)
        return evaluate(model, task, sets, **rest)

    def counted(model, features, config, **rest):
        trained[config.strategy, config.seed] += 1
        return finetune(model, features, config, **rest)

    def chosen(study):
        choices.append(len(splits))
        assert all(trial.state.is_finished() for trial in study.trials.trials())
        assert study.trials.counts().total == 3
        return choose(study)

    with (
        fresh_experiment(folder / "artifacts") as experiment,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
        patch.setattr(finetune_phase, "evaluate", watched)
        patch.setattr(finetune_phase, "finetune", counted)
        patch.setattr(coordinator, "contenders", chosen)
        outcome = search(options)
        patch.undo()
        # The study lies beside MLflow's store by default.
        options["storage"] = f"sqlite:///{sqlite_file(mlflow_store).with_name('optuna.db')}"
        found = runs(experiment)
        run_id = found["alignfreeze search"].info.run_id
        yield Finished(
            experiment,
            options,
            outcome,
            found,
            trials(options),
            Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(folder))),
            set(splits[: choices[0]]),
            set(splits[choices[0] :]),
            trained,
        )


def sqlite_file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@pytest.fixture(autouse=True)
def no_figures(monkeypatch) -> None:
    """They are looked at in the records of `finished`."""
    monkeypatch.setattr(search_artifacts, "study_figures", lambda table: {})
    monkeypatch.setattr(search_artifacts, "study_page", lambda table, figures: "")


def test_a_search_leaves_what_one_needs_to_believe_it(finished):
    options, found, parent = finished.options, finished.runs, finished.parent
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    own = [found[f"trial-{number}"] for number in range(3)]
    for number, run in enumerate(own):
        tags = run.data.tags
        assert tags["mlflow.parentRunId"] == parent.info.run_id
        assert tags["alignfreeze.study"] == options["study"]
        assert (tags["alignfreeze.trial"], tags["alignfreeze.state"]) == (str(number), "complete")
        assert run.data.params["cfg.realign_steps"] == "4"
        assert {"validation/de/accuracy", "objective/mean", "objective/harmed"} <= set(
            run.data.metrics
        )
        assert not [name for name in run.data.metrics if name.startswith("test/")]
    losses = mlflow.search_runs(
        [finished.experiment],
        filter_string=f"tags.mlflow.parentRunId = '{own[0].info.run_id}'",
        output_format="list",
    )
    assert {run.info.run_name for run in losses} == {"realign", "finetune-pos"}
    assert all({"realign/loss", "finetune/loss"} & set(run.data.metrics) for run in losses)

    table = pd.read_csv(finished.files / "trials.csv")
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["mean"].tolist() == pytest.approx([trial.values[0] for trial in finished.trials])
    np_mean = (table["pos/de"] + table["pos/ru"]) / 2
    assert table["mean"].tolist() == pytest.approx(np_mean.tolist())
    files = names_in(finished.files)
    assert {"best.yaml", "search.html", "tests.csv", "config.yaml"} <= files
    assert {f"figures/{name}.png" for name in ("history", "boundary", "pareto")} <= files
    front = [name for name in files if name.startswith("pareto/")]
    best = finished.best
    assert f"pareto/trial-{best.number}.yaml" in front
    assert best.values[0] == max(trial.values[0] for trial in finished.trials)
    names = [contender.name for contender in finished.outcome.tested]
    assert names == [f"trial-{best.number}", "none", "front", "baseline"]
    for name in names:
        assert f"test/{name}/pos/target_mean/accuracy" in parent.data.metrics
        assert f"test/{name}/pos/de/accuracy_std" in parent.data.metrics


def test_a_search_is_named_and_described_for_a_person(finished):
    about = finished.parent.data.tags
    assert finished.parent.info.run_name == f"search pos ({about['alignfreeze.study']})"
    note = about["mlflow.note.content"]
    assert "mean of targets" in note
    assert "Best: trial " in note
    assert about["alignfreeze.search.minutes"] == "–"  # not given
    assert about["alignfreeze.search.references"] == "none,front"
    trial = finished.runs["trial-0"]
    assert trial.info.run_name.startswith("trial 0: ")
    assert "temperature=" in trial.info.run_name
    assert finished.runs["test-front-31"].info.run_name == "test front seed 31"


def test_what_was_tested_says_what_its_defaults_come_to(finished):
    params = finished.runs["test-front-31"].data.params
    assert params["cfg.strategy_args"] == "{'boundary': 2}"
    for run in finished.runs.values():
        assert run.data.tags.keys() >= {"alignfreeze.version", "alignfreeze.libraries"}


def test_the_first_trial_is_as_configured(finished):
    first = {"strategy": "front", "front.boundary": 2, "temperature": 0.1}
    assert finished.trials[0].params == first


def test_the_best_configuration_runs_again_to_the_same_scores(finished, experiment):
    file, best = str(finished.files / "best.yaml"), finished.best
    config = build_config({"config": file})
    assert config.strategy == best.params["strategy"]
    assert config.temperature == best.params["temperature"]
    assert config.strategy_args["boundary"] == best.params[f"{config.strategy}.boundary"]
    logged = best.user_attrs["config"]
    assert {**yaml.safe_load(Path(file).read_text()), "reuse": False} == logged
    pipeline.run({"config": file, "reuse": "false"})
    again = runs(experiment)["alignfreeze"].data.metrics
    trial = mlflow.get_run(best.user_attrs["run_id"]).data.metrics
    assert again["validation/target_mean/accuracy"] == trial["objective/mean"]
    tests = pd.read_csv(finished.files / "tests.csv")
    seeds = [
        run.data.metrics["test/de/accuracy"]
        for name, run in finished.runs.items()
        if name.startswith(f"test-trial-{best.number}-")
    ]
    assert again["test/de/accuracy"] in seeds
    chosen = tests[(tests.contender == f"trial-{best.number}") & (tests.language == "de")]
    assert chosen["mean"].item() == pytest.approx(sum(seeds) / 2)
    assert chosen["deviation"].item() == pytest.approx(abs(seeds[0] - seeds[1]) / math.sqrt(2))


def test_no_test_split_is_looked_at_before_the_search_is_over(finished):
    assert finished.splits_before_choice == {"validation"}
    assert "test" in finished.splits_after_choice


def test_predictions_are_kept_of_what_is_tested_alone(finished):
    kept = {}
    found = mlflow.search_runs([finished.experiment], output_format="list")
    parents = {run.info.run_id: what(run) for run in found}
    for run in found:
        if what(run).startswith("finetune-"):
            parent = parents[run.data.tags["mlflow.parentRunId"]]
            files = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path=FOLDER)
            kept[parent] = {Path(file.path).name for file in files}
    of_tests = {name for name in kept if name.startswith("test-")}
    assert of_tests
    assert all("test.parquet" in kept[name] for name in of_tests)
    assert not any(kept[name] for name in kept.keys() - of_tests)


def test_the_baseline_is_trained_once_a_seed(finished, experiment):
    assert finished.trained["baseline", 31] == finished.trained["baseline", 42] == 1
    # And its test is what a run of its own would have given.
    kept = finished.runs["test-baseline-42"].data.metrics
    pipeline.run(
        {k: v for k, v in OPTIONS.items() if k in ("languages", "finetune_steps", "precision")}
        | {"strategy": "baseline", "seed": "42", "compare": ",", "reuse": "false"}
    )
    alone = runs(experiment)["alignfreeze"].data.metrics
    assert kept["test/ru/accuracy"] == alone["test/ru/accuracy"]


def test_default_storage_lies_beside_the_tracking_store(finished):
    with open_storage(finished.options["storage"], 30) as storage:
        assert finished.options["study"] in optuna.get_all_study_names(storage)


def test_the_same_call_adds_trials_and_keeps_what_is_there(finished, monkeypatch):
    before = trials(finished.options)
    drawn = []
    run_trial = search_trials.run_trial
    monkeypatch.setattr(
        "alignfreeze.search.trials.run_trial",
        lambda study, context, claim: (
            drawn.append(claim.trial.number),
            run_trial(study, context, claim),
        ),
    )
    search({**finished.options, "trials": str(len(before) + 1)})
    assert drawn == [len(before)]
    after = trials(finished.options)
    assert [trial.datetime_complete for trial in before] == [
        trial.datetime_complete for trial in after[:-1]
    ]
    parent = runs(finished.experiment)["alignfreeze search"]
    assert parent.info.run_id == finished.parent.info.run_id
    assert len(pd.read_csv(artifact(parent, "trials.csv"))) == len(after)


def test_no_trial_begins_after_the_minutes(finished):
    before = trials(finished.options)
    outcome = search({**finished.options, "trials": str(len(before) + 9), "minutes": "1e-9"})
    assert len(trials(finished.options)) == len(before)
    assert outcome.tested[0].name.startswith("trial-")


def test_a_run_of_mlflow_continues_the_study_of_an_earlier_one(finished, experiment, monkeypatch):
    parent = finished.parent.info.run_id
    opened = mlflow.MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", opened.info.run_id)
    n_trials = len(trials(finished.options))
    search({**finished.options, "trials": str(n_trials + 1)})
    outer = mlflow.get_run(opened.info.run_id)
    assert outer.info.status == "FINISHED"
    assert outer.data.tags["alignfreeze.continues"] == parent
    nested = runs(finished.experiment)[f"trial-{n_trials}"].data.tags["mlflow.parentRunId"]
    assert nested == parent
    assert mlflow.get_run(parent).info.status == "FINISHED"


def test_other_options_want_another_study(finished):
    with pytest.raises(ConfigError, match=r"begun with other options: realign_steps was 4, not 5"):
        search({**finished.options, "realign_steps": "5"})


def test_a_worker_joins_only_what_is_there_and_the_same(finished, monkeypatch):
    name, url = finished.options["study"], finished.options["storage"]
    assert join(name, url) == 0  # all is done
    with pytest.raises(ConfigError, match=f"studies that are: .*{name}"):
        join("another", url)
    monkeypatch.setattr(study, "library_versions", lambda: {"torch": "0"})
    with pytest.raises(ConfigError, match="begun with another version of a library than this"):
        join(name, url)


def test_an_interrupted_search_keeps_its_records_and_goes_on(experiment, options, monkeypatch):
    def interrupt(study, context, claim):
        if claim.trial.number == 1 and not claim.again:
            monkeypatch.setattr(
                search_trials,
                "scores",
                interrupted_scores(search_trials.scores, monkeypatch),
            )
        run_trial(study, context, claim)

    run_trial = search_trials.run_trial
    monkeypatch.setattr("alignfreeze.search.trials.run_trial", interrupt)
    with pytest.raises(Interrupted, match="by a test"):
        search({**options, "trials": "3"})
    found = runs(experiment)
    parent = found["alignfreeze search"]
    assert parent.info.status == found["trial-1"].info.status == "KILLED"
    assert parent.data.tags["alignfreeze.error"] == "by a test"
    assert found["trial-1"].data.tags["alignfreeze.state"] == "interrupted"
    files = Path(mlflow.artifacts.download_artifacts(run_id=parent.info.run_id))
    assert {"trials.csv", "best.yaml", "search.html"} <= names_in(files)
    assert len(pd.read_csv(artifact(parent, "trials.csv"))) == 1
    given_up = trials(options)[1]
    (waiting,) = [t for t in trials(options) if t.user_attrs.get(GOES_ON_WITH) == 1]
    search({**options, "trials": "3"})
    complete = [t for t in trials(options) if t.state == TrialState.COMPLETE]
    assert len(complete) == 3
    assert trials(options)[waiting.number].params == given_up.params
    parent = mlflow.get_run(parent.info.run_id)
    assert parent.info.status == "FINISHED"
    assert "alignfreeze.error" not in parent.data.tags


def interrupted_scores(scores, monkeypatch):
    def once(self, *args, **kwargs):
        monkeypatch.setattr(search_trials, "scores", scores)
        raise Interrupted("by a test")

    return once


def test_a_pruned_trial_is_marked_with_its_step_and_has_no_objective(
    finished, experiment, options, monkeypatch
):
    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lambda trial: trial.number == 1)
    search({**options, "trials": "2", "pruner": "median", "reports": "3", "report_rows": "5"})
    found = runs(experiment)
    pruned = found["trial-1"]
    assert pruned.info.status == "FINISHED"
    tags = pruned.data.tags
    assert (tags["alignfreeze.state"], tags["alignfreeze.pruned_step"]) == ("pruned", "1")
    assert "objective/mean" not in pruned.data.metrics
    assert trials(options)[1].state == TrialState.PRUNED
    assert list(trials(options)[1].intermediate_values) == [1]
    assert list(trials(options)[0].intermediate_values) == [1, 2, 3]
    table = pd.read_csv(artifact(found["alignfreeze search"], "trials.csv"))
    assert table["state"].tolist() == ["complete", "pruned"]
    assert table["pruned_step"].tolist()[1] == 1
    assert math.isnan(table["mean"].tolist()[1])
    assert "RUNNING" not in statuses(experiment)
    # Looks on the way do not change what is learnt: another study's first trial has had none.
    assert finished.trials[0].intermediate_values == {}
    assert trials(options)[0].values == finished.trials[0].values[:1]


def test_a_failed_trial_is_failed_and_the_search_goes_on(experiment, options, monkeypatch, caplog):
    scores = search_trials.scores

    def fail_first(self, config, run, **rest):
        if "trial 0" in mlflow.get_run(run.run_id).info.run_name:
            raise TrainingError("the loss is not a number")
        return scores(self, config, run, **rest)

    monkeypatch.setattr(search_trials, "scores", fail_first)
    search({**options, "trials": "3"})
    failed = runs(experiment)["trial-0"]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["alignfreeze.error"] == "the loss is not a number"
    states = [trial.state for trial in trials(options)]
    assert states == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert trials(options)[0].values is None
    assert "failed: the loss is not a number" in caplog.text
    table = pd.read_csv(artifact(runs(experiment)["alignfreeze search"], "trials.csv"))
    assert table["problem"].tolist()[0] == "the loss is not a number"


def test_a_search_whose_trials_all_fail_is_given_up(experiment, options, monkeypatch):
    scores = search_trials.scores

    def fail(self, config, run, **rest):
        if config.strategy != "baseline":
            raise TrainingError("the loss is not a number")
        return scores(self, config, run, **rest)

    monkeypatch.setattr(search_trials, "scores", fail)
    with pytest.raises(
        AlignFreezeError, match="all of 3 trials failed, the first with: the loss is"
    ):
        search({**options, "trials": "50"})
    assert runs(experiment)["alignfreeze search"].info.status == "FAILED"


def test_several_tasks_and_seeds_count_alike(experiment, options):
    search({**options, "task": "pos,ner", "search_seeds": "31,42", "trials": "1"})
    run = runs(experiment)["trial-0"]
    values = run.data.metrics
    means = [values[f"{task}/validation/target_mean/{metric}"] for task, metric in
             (("pos", "accuracy"), ("ner", "f1"))]  # fmt: skip
    assert values["objective/mean"] == pytest.approx(sum(means) / 2)
    children = mlflow.search_runs(
        [experiment],
        filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'",
        output_format="list",
    )
    seeds = sorted(
        child.data.tags["alignfreeze.seed"]
        for child in children
        if child.info.run_name == "finetune-ner"
    )
    assert seeds == ["31", "42"]
    # Both tasks take the same steps of realignment, so a seed realigns once.
    assert [child.info.run_name for child in children].count("realign") == 2
    # Reports go on from one fine-tuning to the next: three looks, and one at its end.
    (trial,) = trials(options)
    assert list(trial.intermediate_values) == list(range(1, 4 * 4))
    scored = {
        (task, seed): sum(
            value
            for language, split, metric, value in found
            if (split, metric) == ("validation", "accuracy" if task == "pos" else "f1")
            and language != "en"
        )
        / 2
        for task, seed, found in json.loads(trial.user_attrs["scores"])
    }
    pos = (scored["pos", 31] + scored["pos", 42]) / 2
    expected = {
        4: scored["pos", 31],
        8: (scored["pos", 31] + scored["ner", 31]) / 2,
        12: (pos + scored["ner", 31]) / 2,
    }
    assert {step: trial.intermediate_values[step] for step in expected} == pytest.approx(expected)


def test_trials_are_shown_beside_the_baseline_of_their_seeds(experiment, options, monkeypatch):
    drawn, known, levels = [], [], Objective.levels
    monkeypatch.setattr(search_artifacts, "study_figures", lambda table: drawn.append(table) or {})
    monkeypatch.setattr(Objective, "levels", lambda *args: known.append(levels(*args)) or known[-1])
    outcome = search({**options, "trials": "1", "search_seeds": "42,66", "final_seeds": "31,42"})
    found = runs(experiment)
    values = {
        seed: found[f"baseline-{seed}"].data.metrics["validation/de/accuracy"]
        for seed in (31, 42, 66)
    }
    assert drawn[-1].baseline["pos/de"] == pytest.approx((values[42] + values[66]) / 2)
    assert stdev(known[-1]["pos", "de"].spread) == pytest.approx(
        abs(values[31] - values[42]) / math.sqrt(2)
    )
    means = [drawn[-1].baseline[f"pos/{language}"] for language in ("de", "ru")]
    assert drawn[-1].baseline_objective == pytest.approx(sum(means) / 2)
    # Seed 66 is not tested.
    assert {result.seed for one in outcome.tested for result in one.results} == {31, 42}
    assert not [name for name in found if name.startswith("test-") and name.endswith("66")]


PLUGIN = """
from alignfreeze.contracts import FreezingStrategy

class Shallow(FreezingStrategy):
    '''Freezes the first layer.'''

    def freezes(self, site, n_layers):
        return site.layer == 0
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch) -> Path:
    """The file of a strategy ``shallow`` in a distribution of its own."""
    folder = tmp_path / "site"
    info = folder / "shallow-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shallow\nVersion: 1.0\n")
    module = f"shallow_{uuid4().hex}"
    (info / "entry_points.txt").write_text(
        f"[alignfreeze.strategies]\nshallow = {module}:Shallow\n"
    )
    file = folder / f"{module}.py"
    file.write_text(PLUGIN)
    monkeypatch.syspath_prepend(folder)
    return file


def test_a_changed_strategy_goes_on_with_no_old_trial(options, plugin, monkeypatch):
    given = {**options, "search_strategies": "shallow", "trials": "1", "strategy": "none"}
    search(given)
    url = options["storage"]
    assert join(options["study"], url) == 0
    plugin.write_text(PLUGIN.replace("== 0", "in (0, 1)"))
    message = "begun with another version of strategy 'shallow'; give it another name$"
    with pytest.raises(ConfigError, match=message):
        search({**given, "trials": "2"})
    with pytest.raises(ConfigError, match="another version of strategy 'shallow' than this worker"):
        join(options["study"], url)
    assert len(trials(options)) == 1


def test_a_study_without_a_name_is_another_one_with_another_strategy(options, plugin):
    config, settings = build_search({**OPTIONS, "search_strategies": "shallow"})
    before = study_name(config, settings, "")
    assert study_name(config, settings, "") == before
    plugin.write_text(PLUGIN.replace("== 0", "in (0, 1)"))
    assert study_name(config, settings, "") != before


def test_a_changed_reference_is_tested_again(experiment, options, plugin, monkeypatch):
    given = {**options, "trials": "1", "references": "none,shallow"}
    tested = []
    run_test = search_trials.run_test

    def watched(study, context, claim):
        tested.append(claim.trial.user_attrs["contender"])
        run_test(study, context, claim)

    monkeypatch.setattr("alignfreeze.search.trials.run_test", watched)
    search(given)
    assert tested == ["trial-0", "none", "shallow", "baseline"]
    search(given)
    assert len(tested) == 4
    plugin.write_text(PLUGIN.replace("== 0", "in (0, 1)"))
    outcome = search(given)
    assert tested[4:] == ["shallow"]
    assert [len(one.results) for one in outcome.tested] == [1, 1, 1, 1]


@pytest.mark.usefixtures("plugin")
def test_a_worker_with_another_version_of_a_strategy_does_not_test_it(options, monkeypatch):
    monkeypatch.setattr(search_trials, "contender_code", lambda config: "mine")
    message = "strategy 'front', objective 'contrastive': must be of the version that the search"
    with pytest.raises(AlignFreezeError, match=message):
        search({**options, "trials": "1", "references": "shallow"})


def test_a_grid_has_each_cell_once(options, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("temperature: [0.05, 0.2]\nfront.boundary: {low: 0, high: 4, step: 4}\n")
    search({**options, "space": str(space), "sampler": "grid", "trials": "1"})
    cells = sorted((t.params["front.boundary"], t.params["temperature"]) for t in trials(options))
    assert cells == [(b, t) for b in (0, 4) for t in (0.05, 0.2)]


def test_without_a_trial_nothing_is_tested(experiment, options):
    with pytest.raises(AlignFreezeError, match="no trial is complete, so there is nothing to test"):
        search({**options, "minutes": "1e-9"})
    assert not [name for name in runs(experiment) if name.startswith("test-")]


def test_what_failed_beside_the_trials_is_tried_again_by_the_next_call(
    experiment, options, monkeypatch
):
    scores = search_trials.scores

    def fail_once(self, config, run, **rest):
        if config.seed == 42:
            raise OSError("disk full")
        return scores(self, config, run, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(search_trials, "scores", fail_once)
        message = "baseline: 1 of 2 failed, such as 42: OSError: disk full; the same command"
        with pytest.raises(AlignFreezeError, match=message):
            search({**options, **MORE, "trials": "1"})
    assert runs(experiment)["alignfreeze search"].info.status == "FAILED"
    outcome = search({**options, **MORE, "trials": "1"})
    seeds = {contender.name: [r.seed for r in contender.results] for contender in outcome.tested}
    assert seeds == {name: [31, 42] for name in ("trial-0", "none", "baseline")}
    assert runs(experiment)["alignfreeze search"].info.status == "FINISHED"


def test_a_score_that_is_no_number_fails_the_trial(options, monkeypatch, caplog):
    monkeypatch.setattr(Objective, "values", lambda *args: [math.nan])
    with pytest.raises(AlignFreezeError, match="objective mean must be a number, got nan"):
        search({**options, "trials": "1"})
    assert trials(options)[0].state == TrialState.FAIL


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": "front.boundary: {low: 0, high: 20}"}, "front.boundary must be <= 4"),
        ({"space": "frunt.boundary: 3"}, "frunt.boundary"),
        ({"space": "seed: [1, 2]"}, "seed"),
        ({"search_strategies": "frnot"}, "did you mean 'front'"),
        ({"search_strategies": "baseline"}, "must realign to be searched"),
        ({"references": "nine"}, "no strategy 'nine'"),
        ({"weights": "fi=2"}, "weights must be of languages with a validation split, de ru"),
        ({"trials": "0"}, "trials must be > 0"),
        ({"study": "a:baseline"}, "study must match pattern"),
        ({"launcher_args": "a=1"}, "launcher_args must be empty with launcher=local"),
        ({"data": "nowhere"}, "there is no folder 'nowhere'"),
        ({"storage": "nonsense"}, "storage 'nonsense'"),
        ({"space": "realign_max_length: [96, 100000]"}, "realign_max_length must be <="),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    experiment, options, tmp_path, given, message
):
    if "space" in given:
        file = tmp_path / "space.yaml"
        file.write_text(given["space"])
        given = {"space": str(file)}
    with pytest.raises(AlignFreezeError, match=message) as raised:
        search({**options, **given})
    assert "\n" not in str(raised.value)
    (run,) = mlflow.search_runs([experiment], output_format="list")
    assert run.info.status == "FAILED"
    assert run.data.tags["alignfreeze.error"] == str(raised.value)


def test_torchrun_is_told_of_workers(options, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="workers=… instead of torchrun"):
        search(options)


@pytest.fixture(autouse=True)
def quiet_optuna() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.parametrize("here", [True, False])
def test_how_the_best_is_run_again_needs_no_conda(here, monkeypatch, tmp_path):
    folder = tmp_path / "a b" if here else None
    monkeypatch.setattr(coordinator.location, "artifact_folder", lambda run_id: folder)
    monkeypatch.setattr(coordinator.location, "program", lambda name: f"bin/{name}")
    line = coordinator._again("77")
    if here:
        assert line == f"run the best again: bin/alignfreeze run --config '{folder}/best.yaml'"
    else:
        assert "bin/mlflow artifacts download --run-id 77 --artifact-path best.yaml" in line
        assert line.endswith(" && bin/alignfreeze run --config best.yaml")


@pytest.mark.skipif(not has_uriel(), reason="needs lang2vec")
def test_how_languages_are_chosen_may_be_searched(options, experiment, tmp_path):
    space = tmp_path / "space.yaml"
    choices = ["diverse:2", "nearest:2", "all"]
    space.write_text(
        "realign_languages: [diverse:2, nearest:2, all]\ntemperature: 0.1\nrealign_lr: 1e-4\n"
        "front.boundary: 2\n"
    )
    few = {"trials": "1", "pair_limit": "20", "realign_steps": "2", "finetune_steps": "2"}
    search({**options, **few, "space": str(space), "sampler": "grid"})
    found = trials(options)
    assert {trial.state for trial in found} == {TrialState.COMPLETE}
    assert sorted(trial.params["realign_languages"] for trial in found) == sorted(choices)
    realigned = {
        run.data.tags["alignfreeze.languages_chosen_by"]: run.data.params["cfg.realign_languages"]
        for run in mlflow.search_runs([experiment], output_format="list")
        if what(run) == "realign" and "alignfreeze.languages_chosen_by" in run.data.tags
    }
    assert realigned == {"diverse:2": "de,ru", "nearest:2": "de,es"}
