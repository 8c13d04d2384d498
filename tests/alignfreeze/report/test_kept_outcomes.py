"""What runs have kept of their test examples, as a report reads it."""

import numpy as np
import pytest

from alignfreeze.contracts.outcomes import Outcomes, Parts
from alignfreeze.evaluation.outcome_files import OutcomeOrigin, write_outcomes
from alignfreeze.report import kept_outcomes as module
from alignfreeze.report.collecting import collect
from alignfreeze.report.kept_outcomes import NOT_KEPT, kept_outcomes
from alignfreeze.report.settings import ReportConfig


@pytest.fixture
def read(tmp_path, monkeypatch, stored):
    """What is kept of two runs, whose file is the one that is given."""

    def found(path, *, scores=None):
        monkeypatch.setattr(module, "artifact_path", lambda *_: path)
        runs = [stored("baseline", 31, scores=scores), stored("none", 31, scores=scores)]
        collected = collect(runs, ReportConfig())
        (table,) = collected.tables
        return kept_outcomes(table, collected.cells[table.key], folder=tmp_path)

    return found


def written(path, metric="accuracy"):
    parts = Parts(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    outcomes = Outcomes(gold=["A", "B"], predicted=["A", "A"], parts={metric: parts})
    origin = OutcomeOrigin(task="pos", split="test", digests={"de": "abc"})
    write_outcomes(path, {"de": outcomes}, origin=origin)
    return path


def test_parts_and_digests_are_those_of_the_file(read, tmp_path):
    found = read(written(tmp_path / "test.parquet"))
    assert found.keys() == {("baseline", 31), ("none", 31)}
    for kept in found.values():
        assert kept.reason == ""
        assert kept.digests == {"de": "abc"}
        assert kept.parts["de"].numerator.tolist() == [1, 2]


def test_a_run_without_the_file_has_kept_nothing(read):
    assert {kept.reason for kept in read(None).values()} == {NOT_KEPT}


def test_a_file_without_the_metric_says_so(read, tmp_path):
    found = read(written(tmp_path / "test.parquet", "f1"))
    assert found["none", 31].reason == "the predictions hold nothing of accuracy"


def test_a_damaged_file_is_named(read, tmp_path):
    path = tmp_path / "test.parquet"
    path.write_bytes(b"PAR1")
    reason = read(path)["none", 31].reason
    assert str(path) in reason
    assert "cannot be read as a file of predictions" in reason
