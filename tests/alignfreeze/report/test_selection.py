"""What a run has taken over is a result of its own too, under its own names."""

from alignfreeze.report.selection import with_taken_over
from alignfreeze.tracking.store import StoredRun

TAKEN = "reused.fine-tuning_on_pos"


def stored(strategy, name="finetune-pos", *, model="owner/m", data=""):
    tags = {"model": model, "task": "pos", "strategy": strategy, "seed": "31"}
    metrics = {"test/de/accuracy": 0.5}
    run_id = f"{name}-{strategy}-{model}-{data}"
    return StoredRun(run_id, name, "FINISHED", 0, 1.0, tags, {"data": data}, metrics)


def parent(*taken_over, model="owner/m", data=""):
    """A run of its own, that has taken fine-tunings over."""
    run = stored("front", "alignfreeze run", data=data)
    tags = {
        TAKEN + suffix: text for suffix, text in zip(("", "_baseline"), taken_over, strict=False)
    }
    return run._replace(tags={**run.tags, **tags, "model": model})


def completed(runs, *elsewhere):
    by_id = {run.run_id: run for run in [*runs, *elsewhere]}
    return with_taken_over(runs, by_id.get)


def test_a_result_of_another_experiment_is_taken_in():
    elsewhere = stored("baseline", data="suite")
    run = parent("", elsewhere.run_id, data="suite")
    assert completed([run], elsewhere) == [run, elsewhere]


def test_the_same_model_under_another_name_has_its_own_row():
    original = stored("baseline", model="m1", data="a/one")
    run = parent(original.run_id, model="m2", data="b/two")
    _, copy, *rest = completed([run, original])
    assert rest == [original]
    assert (copy.tags["model"], copy.params["data"]) == ("m2", "b/two")
    assert copy.metrics == original.metrics
    assert copy.tags["strategy"] == "baseline"


def test_what_is_there_under_the_same_names_counts_once():
    original = stored("baseline", model="x/m1", data="a/one")
    run = parent(original.run_id, model="y/m1", data="b/one")
    assert completed([run, run, original]) == [run, run, original]


def test_what_is_gone_is_not_taken_in():
    run = parent("gone")
    assert completed([run]) == [run]
