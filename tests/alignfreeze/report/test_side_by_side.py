"""Two models side by side: what one has right and the other has not."""

import pytest

from alignfreeze.contracts import Outcomes, Parts
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.evaluation.outcome_files import OutcomeOrigin, write_outcomes
from alignfreeze.report.prediction_runs import PredictedRun
from alignfreeze.report.side_by_side import compare, most_different
from alignfreeze.tracking.store import StoredRun


def predicted(folder, name, by_language, digest="a", metric="accuracy"):
    path = folder / f"{name}-{digest}.parquet"
    origin = OutcomeOrigin("nli", "test", dict.fromkeys(by_language, digest))
    write_outcomes(path, by_language, origin=origin)
    run = StoredRun(name * 4, name, "FINISHED", 0, 1.0, {"metric": metric}, {}, {})
    return PredictedRun(run, name, path, origin)


def classes(predicted):
    """Classes of examples that are all ``a``."""
    right = [text == "a" for text in predicted]
    return Outcomes(["a"] * len(predicted), [*predicted], {"accuracy": Parts.of(right)})


@pytest.fixture
def pair(tmp_path):
    front = {"de": classes("aaab"), "es": classes("aaaaabbb")}
    baseline = {"de": classes("aaba"), "es": classes("abbbbabb")}
    return [predicted(tmp_path, "front", front), predicted(tmp_path, "baseline", baseline)]


def test_the_language_with_the_largest_difference(pair):
    assert most_different(pair, "accuracy") == "es"
    assert most_different(pair[1:], "accuracy") == "es", "of one, the lowest"


def test_examples_are_counted_and_ordered(pair):
    side = compare(pair)
    assert (side.language, side.metric, side.names) == ("es", "accuracy", ["front", "baseline"])
    assert side.values == [5 / 8, 2 / 8]
    assert side.table == (1, 4, 1, 2)
    assert side.p_value == pytest.approx(2 * (1 + 5) / 2**5), "binomial, by hand"
    assert (side.gained, side.lost) == (4, 1)
    assert [(d.example, d.gain, d.first, d.second) for d in side.differences] == [
        (1, 1, "a", "b"),
        (2, 1, "a", "b"),
        (3, 1, "a", "b"),
        (4, 1, "a", "b"),
        (5, -1, "b", "a"),
    ]


def test_of_sentences_words_are_counted(tmp_path):
    def tagged(right):
        size = len(right)
        parts = {"accuracy": Parts.of(right, [4] * size)}
        return {"de": Outcomes([["X"] * 4] * size, [["X"] * 4] * size, parts)}

    runs = [
        predicted(tmp_path, "front", tagged([4, 3, 1])),
        predicted(tmp_path, "back", tagged([2, 4, 1])),
    ]
    side = compare(runs)
    assert (side.table, side.p_value, side.gained, side.lost) == ((0, 1, 1, 1), None, 2, 1)
    assert [(d.example, d.gain) for d in side.differences] == [(0, 2), (1, -1)]


def test_of_one_run_its_errors(pair):
    side = compare(pair[:1], "de")
    assert (side.table, side.lost) == (None, 1)
    assert [(d.example, d.first, d.second) for d in side.differences] == [(3, "b", None)]


def test_a_language_or_metric_that_is_not_there(pair):
    with pytest.raises(ConfigError, match=r"language must be one of run front, de.* es, got 'fr'"):
        compare(pair, "fr")
    with pytest.raises(ConfigError, match="metric must be one that is kept, accuracy, got 'f1'"):
        compare(pair, "de", "f1")
    with pytest.raises(DataError, match="'f1' is not kept by example"):
        compare(pair, metric="f1")


def test_other_test_sets_are_an_error(pair, tmp_path):
    other = predicted(tmp_path, "back", {"de": classes("aaab")}, digest="b")
    with pytest.raises(DataError, match="must have the same test file of de, have others"):
        compare([pair[0], other], "de")
