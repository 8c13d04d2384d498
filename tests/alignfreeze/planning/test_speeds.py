"""How estimates are told (what they are made of is tested with a benchmark's plan)."""

import pytest

from alignfreeze.config import build_config
from alignfreeze.planning.plan import size_text
from alignfreeze.planning.speeds import Estimate, Speeds, time_lines
from alignfreeze.tracking.store import StoredRun


def test_what_is_known_is_summed_and_the_rest_named():
    estimates = [Estimate("a", 90), Estimate("b", None), Estimate("c", 30), Estimate("b", None)]
    assert time_lines(estimates, at_once=2, by=" with 2 workers") == [
        "about 0:01:00 (h:mm:ss) with 2 workers, as measured before",
        "not measured yet, so not in it: b",
    ]
    assert time_lines([Estimate("b", None)], at_once=1) == [
        "no estimate: the store has no finished run that is like these"
    ]
    assert time_lines([], at_once=1) == []


def test_sizes_are_told_in_units_that_fit():
    assert size_text(86 * 2**20) == "86 MiB"
    assert size_text(3 * 2**29) == "1.5 GiB"


def test_runs_of_the_nearest_length_count():
    config = build_config({"realign_steps": 200})
    runs = [
        StoredRun(
            run_id=str(steps),
            name="realign",
            status="FINISHED",
            started=0,
            tags={"model": config.model, "task": "", "strategy": config.strategy},
            params={"realign_steps": str(steps)},
            metrics={},
            seconds=seconds,
        )
        for steps, seconds in ((2, 10), (300, 30), (300, 60), (300, 33))
    ]
    assert Speeds(runs).seconds(config, "realign", "pos") == pytest.approx(22)


def test_a_fine_tuning_that_realigns_as_well_is_like_those_that_do_so_too():
    config = build_config({"finetune_steps": 10})
    runs = [
        StoredRun(
            run_id=when,
            name="finetune-pos",
            status="FINISHED",
            started=0,
            tags={"model": config.model, "task": "pos", "strategy": config.strategy},
            params={"finetune_steps": "10", "realign_when": when},
            metrics={},
            seconds=seconds,
        )
        for when, seconds in (("before", 10), ("before+during", 30))
    ]
    expected = {"before": 10, "during": 30, "before+during": 30, "after": None}
    found = {
        when: Speeds(runs).seconds(config.model_copy(update={"realign_when": when}), "finetune", t)
        for when, t in zip(expected, ("pos", "pos", "ner", "pos"), strict=True)
    }
    assert found == expected
