"""A search among languages that MLflow does not take in a metric's name."""

from uuid import uuid4

import mlflow

from alignfreeze.search.coordinator import search
from tests.alignfreeze.tracked import what


def test_a_code_with_a_modifier_is_weighted_and_tested(experiment, renamed_demo, tmp_path):
    search(
        {
            "data": renamed_demo({"en": "en", "de": "ca@valencia", "ru": "ru"}),
            "model": "demo",
            "preset": "demo",
            "realign_steps": "2",
            "finetune_steps": "4",
            "precision": "fp32",
            "alignment_pairs": "0",
            "trials": "1",
            "weights": "ca@valencia=3",
            "objectives": "mean,harmed",
            "final_seeds": "31,42",
            "references": ",",
            "study": uuid4().hex,
            "storage": f"sqlite:///{tmp_path / 'optuna.db'}",
        }
    )
    found = mlflow.search_runs([experiment], output_format="list")
    assert {run.info.status for run in found} == {"FINISHED"}
    runs = {what(run): run.data.metrics for run in found}
    tested, trial = runs["alignfreeze search"], runs["trial-0"]
    for part in ("ca-valencia", "ru", "target_mean"):
        for name in ("trial-0", "baseline"):
            assert f"test/{name}/pos/{part}/accuracy" in tested
            assert f"test/{name}/pos/{part}/accuracy_std" in tested
    own, other = (trial[f"validation/{part}/accuracy"] for part in ("ca-valencia", "ru"))
    assert abs(trial["objective/mean"] - (3 * own + other) / 4) < 1e-9
