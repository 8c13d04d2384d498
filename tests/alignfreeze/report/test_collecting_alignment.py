"""Which measurements of word alignment belong to what a report shows."""

import pytest

from alignfreeze.report.collecting import collect
from alignfreeze.report.settings import build_report


@pytest.fixture
def realignment(stored):
    """Makes a realignment that has measured one layer of German, 0.1 before it."""

    def make(strategy="none", seed=31, *, value, task="pos", **about):
        run = stored(strategy, seed, task=task, name="realign", scores={}, **about)
        before, after = (f"alignment/{s}/de/layer_0" for s in ("pretrained", "realigned"))
        return run._replace(metrics={before: 0.1, after: value})

    return make


def aligned(runs):
    """By task and variant, what was measured, by seed."""
    return {
        (table.task, variant): found["de"][0]
        for table in collect(runs, build_report({})).tables
        for variant, found in table.alignment.items()
    }


def test_alignment_by_layer_is_of_each_seed(stored):
    def measured(seed, before, after):
        run = stored("none", seed, name="realign", scores={})
        metrics = {
            "alignment/pretrained/de/layer_2": before,
            "alignment/realigned/de/layer_2": after,
        }
        return run._replace(metrics=metrics)

    runs = [stored(), stored("none"), stored("none", 42)]
    runs += [measured(31, 0.2, 0.6), measured(42, 0.4, 0.8)]
    runs.append(measured(31, 0.9, 0.9))  # an older one of the same
    (table,) = collect(runs, build_report({})).tables
    assert table.alignment["baseline"]["de"] == {2: {31: 0.2, 42: 0.4}}
    assert table.alignment["none"]["de"] == {2: {31: 0.6, 42: 0.8}}


def test_a_realignment_that_several_tasks_share_is_of_each_of_them(stored, realignment):
    runs = [stored(s, task=task) for s in ("none", "baseline") for task in ("pos", "ner")]
    runs.append(realignment(value=0.6, task="pos,ner"))
    assert aligned(runs) == {
        (task, variant): {31: value}
        for task in ("pos", "ner")
        for variant, value in (("baseline", 0.1), ("none", 0.6))
    }


def test_of_several_tasks_realignments_each_has_that_of_its_steps(stored, realignment):
    steps = {"pos": "300", "ner": "200"}
    runs = [
        stored("none", task=task, finetune_steps=n, realign_steps="None")
        for task, n in steps.items()
    ]
    runs += [
        realignment(value=int(n) / 1000, task="pos,ner", realign_steps=n, finetune_steps="None")
        for n in steps.values()
    ]
    assert aligned(runs) == {("pos", "none"): {31: 0.3}, ("ner", "none"): {31: 0.2}}
    failed = stored("none", task="pos,ner", name="realign", status="FAILED", realign_steps="200")
    assert "Failed" not in collect([*runs, failed], build_report({})).missing.sections


def test_what_is_left_out_is_not_drawn(stored, realignment):
    about = {"temperature": "0.1", "realign_steps": "300", "data": "suite"}
    shown = [stored(s, seed, **about) for s in ("none", "baseline") for seed in (31, 42)]
    left_out = [
        stored("none", 66, finetune_lr="1e-3", **about),
        realignment("none", 66, value=0.9, finetune_lr="1e-3", **about),
        realignment("none", 31, value=0.9, **{**about, "realign_steps": "1000"}),
        realignment("none", 31, value=0.9, **{**about, "temperature": "0.5"}),
        realignment("none", 31, value=0.9, **{**about, "data": "other"}),
        realignment("front", 31, value=0.9, **about),
    ]
    measured = [realignment("none", seed, value=0.6, **about) for seed in (31, 42)]
    assert aligned([*left_out, *shown, *measured]) == {
        ("pos", "baseline"): {31: 0.1, 42: 0.1},
        ("pos", "none"): {31: 0.6, 42: 0.6},
    }


def test_an_encoder_that_was_taken_over_from_another_fine_tuning_is_drawn(stored, realignment):
    runs = [stored("none"), stored(), realignment(value=0.6, finetune_lr="1e-3")]
    assert aligned(runs)["pos", "none"] == {31: 0.6}


def test_the_realignment_of_an_older_run_of_the_same_is_not_drawn(stored, realignment):
    older = [
        stored("none", realign_hash="older"),
        realignment(value=0.9, realign_hash="older"),
    ]
    runs = [stored("none", realign_hash="newer"), stored(), *older]
    left_out = collect(runs, build_report({})).missing.sections["Left out"]
    assert left_out == ["m, pos, none, seed 31: 1 older run(s) of the same"]
    assert aligned(runs) == {}
    runs.append(realignment(value=0.6, realign_hash="newer"))
    assert aligned(runs)["pos", "none"] == {31: 0.6}


def test_tasks_that_share_an_encoder_share_what_was_measured_of_it(stored, realignment):
    # As in a grid: the cell of one task has realigned, that of the other has taken it over.
    runs = [stored("none", task=task, realign_hash="one") for task in ("pos", "ner")]
    runs.append(realignment(value=0.6, task="pos", realign_hash="one"))
    runs.append(realignment(value=0.9, task="pos", realign_hash="other"))
    assert aligned(runs) == {(task, "none"): {31: 0.6} for task in ("pos", "ner")}
