"""What phases and their parent run say of languages that the hub turned out to lack."""

import mlflow
import pytest

from alignfreeze.errors import MissingSplitError
from alignfreeze.runs import pipeline, preparation
from tests.alignfreeze.tracked import what

OPTIONS = {
    "data": "hub",
    "model": "demo",
    "languages": "de,fr,ru",
    "realign_languages": "ru,de,cs",
    "aligner": "dictionary",
    "realign_steps": "1",
    "finetune_steps": "1",
    "precision": "fp32",
    "max_length": "64",
    "seed": "4711",
    "task": "pos",
}

pytestmark = pytest.mark.usefixtures("cache", "experiment")


@pytest.fixture
def hub(demo_hub, monkeypatch):
    """Has no French sentences, and no Czech text."""
    source = demo_hub(splits=["fr"], texts=["cs"])
    monkeypatch.setattr(preparation, "find_data", lambda data, max_pairs: source)


def test_what_was_left_out_is_on_the_runs(hub, experiment, caplog):
    outcome = pipeline.run(OPTIONS)
    assert {score.language for score in outcome.results[0].scores} == {"en", "de", "ru"}
    runs = mlflow.search_runs([experiment], output_format="list")
    assert len(runs) == 3
    for run in runs:
        assert run.data.tags["alignfreeze.left_out.pos"] == "fr"
        assert run.data.tags["alignfreeze.left_out.parallel_text"] == "cs"
    finetuned = next(run for run in runs if run.info.run_name == "finetune-pos")
    assert finetuned.data.params["cfg.languages"] == "de,ru"
    assert finetuned.data.params["cfg.realign_languages"] == "ru,de"
    told = [message for message in caplog.messages if "left out, for the hub" in message]
    assert told == [
        "left out, for the hub has no test split for pos: fr (no fr_gsd)",
        "left out, for the hub has no parallel text: cs (no text)",
    ]


@pytest.mark.parametrize(
    ("languages", "message"),
    [("de,fr", "no test split for pos of fr"), ("de", "no parallel text of cs")],
)
def test_a_run_may_be_told_to_leave_out_nothing(hub, experiment, languages, message):
    with pytest.raises(MissingSplitError, match=message):
        pipeline.run({**OPTIONS, "languages": languages, "missing": "error"})
    (run,) = mlflow.search_runs([experiment], output_format="list")
    assert run.info.status == "FAILED"
    assert message in run.data.tags["alignfreeze.error"]


def test_a_phase_tells_what_it_uses_itself(experiment, monkeypatch):
    lacks = {"pos": "fr", "ner": "ru", "parallel text": "cs"}
    monkeypatch.setattr(preparation.Preparation, "left_out", lacks)
    given = {"data": "demo", "languages": "de", "realign_languages": "de", "task": "pos,ner"}
    pipeline.run({**OPTIONS, **given, "compare": "baseline"})
    start = "alignfreeze.left_out."
    told = {
        what(run): {tag.removeprefix(start) for tag in run.data.tags if tag.startswith(start)}
        for run in mlflow.search_runs([experiment], output_format="list")
    }
    every = {"pos", "ner", "parallel_text"}
    assert told == {
        "alignfreeze": every,
        "realign": every,
        "finetune-pos": every - {"ner"},
        "finetune-ner": every - {"pos"},
        "finetune-pos-baseline": {"pos"},
        "finetune-ner-baseline": {"ner"},
    }
