"""What a report says when its runs are of several versions."""

from alignfreeze.report.version_notes import mixed_versions
from alignfreeze.tracking.store import StoredRun


def run(version="", libraries=""):
    tags = {name: v for name, v in (("version", version), ("libraries", libraries)) if v}
    return StoredRun("id", "finetune-pos", "FINISHED", 0, 1.0, tags, {}, {})


def test_the_same_versions_are_no_mixture():
    same = run("0.2.0", "numpy 2.4.0, torch 2.13.0")
    assert mixed_versions([same, same]) == []
    assert mixed_versions([run(), run()]) == []
    assert mixed_versions([]) == []


def test_what_differs_is_said_with_how_many_runs():
    runs = [
        run("0.2.0", "numpy 2.4.0, torch 2.13.0"),
        run("0.2.0", "numpy 2.4.0, torch 2.12.1"),
        run("0.1.0", "numpy 2.4.0, torch 2.13.0"),
    ]
    assert mixed_versions(runs) == [
        "alignfreeze 0.1.0 (1 run(s)), 0.2.0 (2 run(s))",
        "torch 2.12.1 (1 run(s)), 2.13.0 (2 run(s))",
    ]


def plugged(strategy="front", code="", own="", task_code=""):
    about = {"strategy": strategy, "task": "pos", "strategy_code": code, "code": own}
    about |= {"task_code": task_code}
    return run("0.2.0")._replace(
        tags={"version": "0.2.0", **{name: text for name, text in about.items() if text}}
    )


def test_another_code_of_the_same_version_is_a_mixture():
    runs = [plugged(own="1" * 64), plugged(own="2" * 64), plugged(own="2" * 64)]
    assert mixed_versions(runs) == ["code of alignfreeze 1111111 (1 run(s)), 2222222 (2 run(s))"]


def test_another_code_of_a_plugin_is_a_mixture_and_another_plugin_is_not():
    runs = [plugged("front", "a"), plugged("back", "b"), plugged("baseline", task_code="c")]
    assert mixed_versions(runs) == []
    (line,) = mixed_versions([*runs, plugged("front", "d")])
    assert line.startswith("code of strategy front ")
    (line,) = mixed_versions([*runs, plugged("none", "e", task_code="f")])
    assert line.startswith("code of task pos ")


def test_a_run_of_before_the_tags_is_one_of_an_unknown_version():
    assert mixed_versions([run("0.2.0", "numpy 2.4.0"), run()]) == [
        "alignfreeze 0.2.0 (1 run(s)), unknown (1 run(s))",
        "numpy 2.4.0 (1 run(s)), unknown (1 run(s))",
    ]


def test_an_encoder_of_another_version_is_a_mixture_too():
    own = run("0.2.0", "torch 2.13.0")
    tags = {**own.tags, "realign_version": "0.1.0", "realign_libraries": "torch 2.13.0"}
    assert mixed_versions([own, own._replace(tags=tags)]) == [
        "alignfreeze 0.2.0 (1 run(s)), 0.2.0 on an encoder of 0.1.0 (1 run(s))"
    ]
