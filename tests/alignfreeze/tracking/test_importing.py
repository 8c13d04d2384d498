import logging
from uuid import uuid4

import mlflow
import pytest

from alignfreeze.errors import ConfigError, DataError
from alignfreeze.tracking.importing import import_results
from alignfreeze.tracking.writing import Writer

HEADER = "seed,model,task,method,realignment_steps,eval_de_accuracy,eval_same_accuracy"
MBERT = "bert-base-multilingual-cased"


@pytest.fixture
def name(experiment) -> str:
    """A name that no experiment has, in the test's store."""
    return f"reference-{uuid4().hex}"


def runs_of(name: str) -> list:
    found = mlflow.get_experiment_by_name(name)
    return mlflow.search_runs([found.experiment_id], output_format="list")


def test_a_row_is_a_finished_run_that_says_all(write, name):
    file = write("a.csv", f"{HEADER}\n31,{MBERT},udpos,before_dico,100,0.5,0.9\n")
    outcome = import_results([file], name)
    assert (outcome.added, outcome.known, outcome.refused) == (1, 0, [])
    (run,) = runs_of(name)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"imported none pos seed 31, {MBERT}"
    tags = {k.removeprefix("alignfreeze."): v for k, v in run.data.tags.items()}
    expected = {"imported": "true", "model": MBERT, "strategy": "none", "task": "pos", "seed": "31"}
    expected |= {"method": "before_dico", "aligner": "dico", "source_file": "a.csv"}
    assert expected.items() <= tags.items()
    assert run.data.params == {"cfg.source_language": "en", "cfg.realign_steps": "100"}
    assert run.data.metrics == {
        "test/de/accuracy": 0.5,
        "test/en/accuracy": 0.9,
        "test/target_mean/accuracy": 0.5,
    }


def test_importing_twice_adds_nothing(write, name):
    row = f"31,{MBERT},udpos,baseline,,0.5,0.9"
    first = write("a.csv", f"{HEADER}\n{row}\n{row}\n")
    outcome = import_results([first], name)
    assert (outcome.added, outcome.known) == (1, 1)
    # The same row in another file, its model misspelt, is the same row.
    second = write(
        "b.csv", f"{HEADER}\n{row.replace('cased', 'casd')}\n{row.replace('31', '42')}\n"
    )
    outcome = import_results([first, second], name)
    assert (outcome.added, outcome.known) == (1, 3)
    assert sorted(run.data.tags["alignfreeze.seed"] for run in runs_of(name)) == ["31", "42"]


def test_what_was_imported_by_half_is_imported_again(write, name, monkeypatch):
    file = write("a.csv", f"{HEADER}\n31,{MBERT},udpos,baseline,,0.5,0.9\n")

    def fail(self, *args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "set_terminated", fail)
        with pytest.raises(KeyboardInterrupt):
            import_results([file], name)
    assert import_results([file], name).added == 1
    assert sum(run.info.status == "FINISHED" for run in runs_of(name)) == 1


def test_what_is_half_written_says_which_row_it_is_and_does_not_count(write, name, monkeypatch):
    file = write("a.csv", f"{HEADER}\n31,{MBERT},udpos,baseline,,0.5,0.9\n")

    def fail(self, *args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "log_batch", fail)
        with pytest.raises(KeyboardInterrupt):
            import_results([file], name)
    (half,) = runs_of(name)
    assert half.info.status == "KILLED"
    assert half.data.metrics == {}
    assert import_results([file], name).added == 1
    assert import_results([file], name).added == 0
    tags = [run.data.tags["alignfreeze.imported_row"] for run in runs_of(name)]
    assert len(tags) == 2
    assert len({*tags}) == 1


@pytest.mark.parametrize("call", ["create_run", "log_batch", "set_terminated"])
def test_a_store_that_goes_away_is_waited_for(write, name, road, monkeypatch, call):
    asked = getattr(mlflow.MlflowClient, call)

    def away(self, *args, **kwargs):
        road.closed_for = 2 if road.attempts == 0 else road.closed_for
        return asked(self, *args, **kwargs)

    monkeypatch.setattr(mlflow.MlflowClient, call, away)
    import_results([write("a.csv", f"{HEADER}\n31,{MBERT},udpos,baseline,,0.5,0.9\n")], name)
    assert road.attempts == 2
    (run,) = runs_of(name)
    assert run.info.status == "FINISHED"
    assert len(run.data.metrics) == 3


def test_a_row_takes_three_calls_of_the_store(write, name, monkeypatch):
    asked = []
    patiently = Writer.patiently

    def noted(self, what, call):
        asked.append(what.split()[0])
        return patiently(self, what, call)

    monkeypatch.setattr(Writer, "patiently", noted)
    rows = "".join(f"{seed},{MBERT},udpos,baseline,,0.5,0.9\n" for seed in range(4))
    import_results([write("a.csv", f"{HEADER}\n{rows}")], name)
    assert asked[-12:] == ["make", "take", "take"] * 4
    assert asked.count("find") == 1


def test_malformed_rows_are_refused_and_the_others_imported(write, name, caplog):
    rows = (
        f"31,{MBERT},udpos,baseline,,2,0.9\n42,bert-base-multilingual-casd,udpos,baseline,,0.5,\n"
    )
    file = write("a.csv", f"{HEADER}\n{rows}")
    with caplog.at_level(logging.WARNING):
        outcome = import_results([file], name)
    assert outcome.refused == [f"{file}:2: eval_de_accuracy must be a number in [0, 1], got '2'"]
    assert outcome.added == 1
    assert f"model 'bert-base-multilingual-casd' is taken for '{MBERT}'" in caplog.text


def test_a_bad_file_leaves_nothing_of_the_good_one(write, name):
    good = write("a.csv", f"{HEADER}\n31,{MBERT},udpos,baseline,,0.5,0.9\n")
    with pytest.raises(DataError, match=r"b\.csv:1: the first line must name the column 'seed'"):
        import_results([good, write("b.csv", "x\n")], name)
    assert mlflow.get_experiment_by_name(name) is None


def test_the_experiment_needs_a_name(write, name):
    with pytest.raises(ConfigError, match="experiment must be a name, got ' '"):
        import_results([write("a.csv", f"{HEADER}\n31,{MBERT},udpos,baseline,,0.5,0.9\n")], " ")
