"""Names of runs say what these are."""

import pytest

from alignfreeze.config import build_config
from alignfreeze.tracking.names import Kind
from alignfreeze.tracking.run_names import LONGEST, named, run_name, study_run_name


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"compare": ","}, "front pos seed 31"),
        ({"compare": "baseline,none"}, "front vs baseline vs none pos seed 31"),
        ({"compare": "front"}, "front pos seed 31"),
        ({"compare": ",", "task": "pos,ner", "seed": "7"}, "front pos ner seed 7"),
        ({"compare": "none", "realign_when": "after"}, "front vs none after pos seed 31"),
        (
            {"compare": ",", "strategy": "back", "strategy_args": "boundary=3"},
            "back(boundary=3) pos seed 31",
        ),
        ({"compare": ",", "model": "/a/xlm-r/"}, "front pos seed 31, xlm-r"),
        ({"compare": ",", "model": "owner/mbert"}, "front pos seed 31, mbert"),
    ],
)
def test_a_run_is_called_what_it_does(options, name):
    config = build_config(options)
    assert run_name(config) == name
    assert run_name(config, Kind.EVALUATE) == f"evaluate {name}"


def test_other_runs_are_called_in_the_same_way():
    assert named("imported", "none", "qa", seed=5, model="mbert") == (
        "imported none qa seed 5, mbert"
    )
    assert study_run_name("search", ["pos", "ner"], ["demo"], "mine") == "search pos ner (mine)"
    several = study_run_name("benchmark", ["pos"], ["a/xlm-r", "mbert"], "24 cells")
    assert several == "benchmark pos, xlm-r, mbert (24 cells)"


def test_no_name_is_longer_than_a_database_takes():
    config = build_config({"model": "x" * 300})
    assert len(run_name(config)) == LONGEST
    assert run_name(config).endswith("…")
