"""A search over objectives, and over when to realign, from its options to its answer."""

from pathlib import Path
from uuid import uuid4

import optuna
import pandas as pd
import pytest
import yaml
from mlflow.artifacts import download_artifacts

from alignfreeze.search.coordinator import search
from alignfreeze.tracking import store
from alignfreeze.tracking.names import Kind
from alignfreeze.workers.storage import open_storage

OPTIONS = {
    "languages": "de",
    "realign_steps": "2",
    "finetune_steps": "4",
    "precision": "fp32",
    "sampler": "grid",
    "search_objectives": "contrastive,sentence",
    "pruner": "median",
    "final_seeds": "31",
    "references": ",",
}

SPACE = """
temperature: 0.1
front.boundary: 2
contrastive.negatives: weak
contrastive.stop_gradient: none
sentence.negatives: target
realign_when: [before, during]
"""


@pytest.mark.usefixtures("cache", "experiment")
def test_a_grid_of_objectives_and_times(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    study, url = uuid4().hex, f"sqlite:///{tmp_path / 'optuna.db'}"
    outcome = search({**OPTIONS, "space": str(space), "study": study, "storage": url})
    assert [one.name for one in outcome.tested][1:] == ["baseline"]
    with open_storage(url, 30) as storage:
        trials = optuna.load_study(study_name=study, storage=storage).get_trials()
    assert [trial.params for trial in trials] == [
        {"objective": objective, "realign_when": when}
        for objective in ("contrastive", "sentence")
        for when in ("before", "during")
    ]
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    # A look through each fine-tuning, those that realign too.
    assert {len(trial.intermediate_values) for trial in trials} == {3}
    (parent,) = [run for run in store.stored_runs(()) if run.kind is Kind.SEARCH]
    table = pd.read_csv(download_artifacts(run_id=parent.run_id, artifact_path="trials.csv"))
    assert [*table["objective"].unique()] == ["contrastive", "sentence"]
    best = Path(download_artifacts(run_id=parent.run_id, artifact_path="best.yaml"))
    config = yaml.safe_load(best.read_text("utf-8"))
    chosen = trials[int(outcome.tested[0].name.removeprefix("trial-"))].params
    assert {name: config[name] for name in chosen} == chosen
    weak = {"negatives": "weak", "stop_gradient": "none"}
    own = {"contrastive": weak, "sentence": {"negatives": "target"}}
    assert config["objective_args"] == own[chosen["objective"]]
