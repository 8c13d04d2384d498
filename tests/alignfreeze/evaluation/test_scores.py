import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.errors import DataError
from alignfreeze.evaluation.scores import Score, rows_from_csv, rows_to_csv


@pytest.fixture(scope="module")
def round_trip(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "results.csv"

    def write_and_read(scores: list[Score]) -> list[Score]:
        path.write_text(rows_to_csv(scores, Score), "utf-8")
        return rows_from_csv(path, Score)

    return write_and_read


def test_the_columns_are_named():
    text = rows_to_csv([Score("de", "test", "accuracy", 0.5)], Score)
    assert text.splitlines() == ["language,split,metric,value", "de,test,accuracy,0.5"]


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_values_keep_every_bit(round_trip, values):
    scores = [Score("de", "test", f"f{n}", value) for n, value in enumerate(values)]
    assert [score.value.hex() for score in round_trip(scores)] == [v.hex() for v in values]


def test_values_that_no_short_decimal_is():
    values = [1 / 3, 2 / 3, 0.1 + 0.2, math.nextafter(1, 0), 5e-324, 0.0, 1.0]
    text = rows_to_csv([Score("de", "test", "accuracy", value) for value in values], Score)
    assert [float(line.rsplit(",", 1)[1]) for line in text.splitlines()[1:]] == values


@pytest.mark.parametrize(
    "language", ["no", "na", "nan", "NA", "null", "None", "true", "1", "zh-tw"]
)
def test_languages_stay_text(round_trip, language):
    scores = [Score(language, "validation", "f1", 0.25)]
    assert round_trip(scores) == scores


@pytest.mark.parametrize("metric", ["nan", "exact,match", 'a "b"', "1"])
def test_metrics_stay_text(round_trip, metric):
    scores = [Score("de", "test", metric, 1.0)]
    assert round_trip(scores) == scores


def test_scores_keep_their_order_and_types(round_trip):
    scores = [
        Score(language, split, metric, number / 16)
        for number, (language, split, metric) in enumerate(
            (language, split, metric)
            for language in ("no", "en", "de")
            for split in ("validation", "test")
            for metric in ("f1", "accuracy")
        )
    ]
    found = round_trip(scores)
    assert found == scores
    assert {tuple(map(type, score)) for score in found} == {(str, str, str, float)}


def test_no_score_is_a_table_without_rows(round_trip):
    assert round_trip([]) == []


HEAD = b"language,split,metric,value\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"language,split,metric,score\nde,test,f1,0.5\n",
        b"language,split,value,metric\nde,test,0.5,0.5\n",
        HEAD + b"de,test,f1,\n",
        HEAD + b"de,test,f1,nan\n",
        HEAD + b"de,test,f1,-inf\n",
        HEAD + b"de,test,f1,0.5\n" * 2,
        HEAD + b"de,test,f1,0.5\nde,test,f1,0.25\n",
        HEAD + b"de,test,\xff,0.5\n",
        HEAD + b'de,test,"f1,0.5\n',
        b"\x00" * 40,
        None,
    ],
)
def test_what_is_no_table_of_scores_is_one_line(tmp_path, content):
    file = tmp_path / "results.csv"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"results\.csv: must be a table of scores: ") as caught:
        rows_from_csv(file, Score)
    assert "\n" not in str(caught.value)
