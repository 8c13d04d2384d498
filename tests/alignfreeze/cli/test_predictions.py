"""The command that sets runs side by side: which runs it takes, what it says of the others."""

import csv
import json
import re
import shutil

import mlflow
import pytest

from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.cli.main import main
from alignfreeze.data.finding import find_data
from alignfreeze.runs import pipeline
from tests.alignfreeze.tracked import what

SMALL = {
    "languages": "de,ru",
    "realign_steps": "2",
    "finetune_steps": "4",
    "alignment_pairs": "0",
    "precision": "fp32",
}
SEED = "7301"


@pytest.fixture(scope="module")
def runs(fresh_experiment, small_cache, tmp_path_factory):
    """Ids of runs: one beside its baseline, one that took that over, cells, one without any."""
    folder = tmp_path_factory.mktemp("module")
    with fresh_experiment(folder / "artifacts") as experiment, pytest.MonkeyPatch.context() as p:
        p.setenv("ALIGNFREEZE_CACHE", str(small_cache))
        own = {**SMALL, "task": "pos", "seed": SEED}
        whole = pipeline.run({**own, "compare": "baseline"})
        taken = pipeline.run({**own, "compare": "baseline"})
        none = pipeline.run(
            {**own, "seed": "7302", "strategy": "baseline", "save_predictions": "false"}
        )
        storage = f"sqlite:///{folder / 'optuna.db'}"
        grid = {"tasks": "pos", "strategies": "baseline", "seeds": "7303", "study": "shown"}
        benchmark({**grid, "preset": "demo", "storage": storage, **SMALL}, lambda plan: None)
        found = mlflow.search_runs([experiment], output_format="list")
        own = {what(run): run.info.run_id for run in found}  # the oldest of a name
        yield {"whole": whole.run_id, "taken": taken.run_id, "none": none.run_id, **own}


@pytest.fixture
def said(runs, cache, monkeypatch, capsys):
    """What the command says of some runs; of an error, its one line."""

    def said(*line, fails=False):
        line = ["predictions", *(runs.get(own, own) for own in line)]
        capsys.readouterr()
        if not fails:
            main(line)
            return capsys.readouterr().out
        with pytest.raises(SystemExit, match="1"):
            main(line)
        (error,) = capsys.readouterr().err.splitlines()
        return error

    return said


CELL = "pos-baseline-7303"


def test_of_a_run_with_its_baseline_both(said, tmp_path):
    file = tmp_path / "d.csv"
    lines = said("whole", "--language=de", "--limit=1", f"--output={file}").splitlines()
    assert lines[0].startswith("pos, de: accuracy front ")
    assert ", baseline " in lines[0]
    assert lines[1].startswith("examples that are right: both ")
    assert lines[-1].endswith(f"examples in {file}")
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert lines[-1].startswith(f"{len(rows)} examples in")
    for row in rows:
        assert row["language"] == "de"
        size = len(row["text"].split())
        for column in ("gold", "predicted front", "predicted baseline"):
            assert len(row[column].split()) == size


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (["taken"], ["front", "baseline"]),
        (["finetune-pos"], ["front"]),
        ([CELL], ["baseline"]),
        (["whole", "finetune-pos-baseline"], ["front", "baseline"]),
    ],
)
def test_a_run_is_what_has_its_fine_tuning(said, line, names):
    assert json.loads(said(*line, "--language=ru", "--json"))["names"] == names


def test_two_of_the_same_strategy_are_told_apart_by_their_seeds(said):
    found = json.loads(said("finetune-pos-baseline", CELL, "--language=de", "--json"))
    assert [name.rpartition(" (")[0] for name in found["names"]] == [
        f"baseline seed {seed}" for seed in (SEED, 7303)
    ]


def test_a_script_reads_what_a_person_does(said, runs):
    found = json.loads(said("whole", "--language=de", "--json", "--limit=0"))
    assert (found["task"], found["language"], found["metric"]) == ("pos", "de", "accuracy")
    assert found["run_ids"] == [runs["finetune-pos"], runs["finetune-pos-baseline"]]
    assert found["examples"] == []
    alone = {
        name: json.loads(said("whole", "--language=de", "--json", f"--only={name}"))
        for name in ("gained", "lost")
    }
    assert sum(own["differing"] for own in alone.values()) == found["differing"]
    assert sum(found["table"].values()) == 12


def test_the_other_split_is_kept_too(said):
    assert said("whole", "--split=validation", "--language=de").startswith("pos, de: accuracy")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["0" * 32], "is not in the tracking store"),
        (["none"], r"has kept no predictions of the test split: runs of older versions have not"),
        (["none", "--split=validation"], "has kept no predictions of the validation split"),
        (["whole", "--task=ner"], "must have a fine-tuning on 'ner', has those on: pos"),
        (["realign"], "must have a fine-tuning, has those on: none"),
        (["whole", "--language=fr"], "language must be one of run front, .*, got 'fr'"),
        (["whole", "--metric=f1", "--language=de"], "metric must be one that is kept, accuracy"),
        (["whole", "taken", "none"], "predictions takes one run or two, got 3"),
        (["whole", "--language=de", "--output=/dev/null/d.csv"], "output must be a file that can"),
    ],
)
def test_what_cannot_be_shown_is_one_line(said, line, expected):
    assert re.search(expected, said(*line, fails=True))


def test_texts_are_those_of_the_data_that_was_predicted(said, tmp_path, caplog):
    moved, other = tmp_path / "moved", tmp_path / "other"
    for folder in (moved, other):
        shutil.copytree(find_data("demo").root, folder)
    text = (other / "pos" / "de" / "test.conllu").read_text("utf-8")
    (other / "pos" / "de" / "test.conllu").write_text(text.replace("NOUN", "VERB"), "utf-8")
    shown = said("finetune-pos", "--language=de", "--limit=1")
    assert said("finetune-pos", "--language=de", "--limit=1", f"--data={moved}") == shown
    assert "\n  text: " in shown
    caplog.clear()
    assert "\n  text: " not in said("finetune-pos", "--language=de", f"--data={other}")
    (warning,) = [own for own in caplog.messages if own.startswith("without the texts")]
    assert "is not the file that was predicted (--data says where they are)" in warning
