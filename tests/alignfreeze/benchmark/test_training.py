"""Dry runs of the published grids without a network: steps, FLOPs, and what is assumed."""

import mlflow
import pytest

from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.cli.terminal import PlainConsole
from alignfreeze.encoders import modelfiles
from alignfreeze.errors import EncoderError
from alignfreeze.planning.published import ENCODERS


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    """The hub is not asked, and the cache holds no model."""
    monkeypatch.setattr(modelfiles, "why_offline", lambda: "the test has no network")


def lines(experiment, preset, **options):
    return benchmark({"preset": preset, "dry_run": "true", **options}).plan.lines()


def test_what_the_code_did_is_counted(experiment):
    found = lines(experiment, "paper-as-run")
    names = ", ".join(ENCODERS)
    assert found[:4] == [
        "240 cells: 0 done, 240 to do",
        "180 of them realign: 180 new encoder(s), 135 of them on the way to another",
        f"layers of {names} are those that were published: config.json cannot be had here",
        "2,903,400 optimizer steps of fine-tuning, 1,104,480 of realigning",
    ]
    assert found[4].startswith("no estimate: ")
    assert found[5].startswith("by arithmetic 2.64e+18 FLOPs for 6,308,135,680 subwords ")


def test_what_is_described_has_so_many_steps_at_least(experiment):
    found = lines(experiment, "paper")
    assert found[3] == "at least 2,106,240 optimizer steps of fine-tuning, 1,104,480 of realigning"
    assert found[5].startswith("by arithmetic ")
    assert not mlflow.search_runs([experiment], output_format="list")


def test_what_only_the_data_tells_is_said(experiment):
    found = lines(experiment, "standard", data="demo", models="demo", tasks="pos", seeds="31")
    assert found[2] == "steps known when the data is read: demo on pos"
    assert found[3].startswith("no estimate: ")
    assert len(found) == 4
    steps = lines(experiment, "demo", finetune_steps="5", realign_steps="3", tasks="pos", seeds="3")
    # Of four strategies, three realign.
    assert "20 optimizer steps of fine-tuning, 9 of realigning" in steps


def test_the_table_says_where_steps_are_known_from(experiment, capsys):
    plan = benchmark({"preset": "paper-as-run", "dry_run": "true", "tasks": "qa"}).plan
    PlainConsole().print(plan.steps_table())
    shown = capsys.readouterr().out
    assert "15 × 20,228" in shown
    assert shown.count("by the published") == 3


@pytest.mark.usefixtures("experiment")
def test_a_real_benchmark_refuses_a_model_that_is_not_there():
    match = "^model 'distilbert-base-multilingual-cased': neither a folder nor in the cache, and"
    with pytest.raises(EncoderError, match=match):
        benchmark({"preset": "paper"})
