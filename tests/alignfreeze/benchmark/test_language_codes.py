"""A grid over languages that MLflow does not take in a metric's name."""

import mlflow
import pandas as pd
import pytest

from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.errors import ConfigError
from alignfreeze.report.report import report
from tests.alignfreeze.tracked import what

SMALL = {"tasks": "pos", "languages": "", "models": "demo"}


def test_a_code_with_a_modifier_is_in_the_report(experiment, options, renamed_demo, tmp_path):
    data = renamed_demo({"en": "en", "de": "ca@valencia", "ru": "ru"})
    given = {**options, **SMALL, "data": data}
    benchmark(given)
    assert not benchmark(given).plan.to_do
    name = mlflow.get_experiment(experiment).name
    written = report({"experiments": name, "output": str(tmp_path / "report")})
    assert written.missing == {}
    scores = pd.read_csv(written.folder / "scores.csv")
    assert {*scores["language"]} == {"en", "ca@valencia", "ru"}


def test_codes_that_meet_are_refused_before_a_cell_is_computed(experiment, options, renamed_demo):
    data = renamed_demo({"en": "en", "de": "sr@latin", "ru": "sr-latin"})
    with pytest.raises(ConfigError, match="are both called 'sr-latin'"):
        benchmark({**options, **SMALL, "data": data})
    found = mlflow.search_runs([experiment], output_format="list")
    assert {what(run) for run in found} == {"alignfreeze benchmark"}
