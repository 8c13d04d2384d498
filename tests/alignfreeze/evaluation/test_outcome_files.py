"""Outcomes come back from their files as they were, or not at all."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignfreeze.contracts import Outcomes, Parts
from alignfreeze.errors import DataError
from alignfreeze.evaluation.outcome_files import (
    OutcomeOrigin,
    read_origin,
    read_outcomes,
    read_parts,
    write_outcomes,
)

ORIGIN = OutcomeOrigin("pos", "test", {"en": "a1", "no": "b2"})


def tagged(size):
    """Some sentences of two words, of which the first is right in every other one."""
    right = [n % 2 for n in range(size)]
    parts = {"accuracy": Parts.of(right, [2] * size), "f1": Parts.of(np.linspace(0, 1, size))}
    return Outcomes([["NOUN", "VERB"]] * size, [["NOUN", "X"]] * size, parts)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "language=no" / "test.parquet"
    path.parent.mkdir()
    write_outcomes(path, {"no": tagged(5), "en": tagged(400)}, origin=ORIGIN)
    return path


def test_outcomes_come_back(file):
    found = read_outcomes(file)
    assert [*found] == ["no", "en"]
    for language, size in (("no", 5), ("en", 400)):
        own, known = found[language], tagged(size)
        assert (own.gold, own.predicted) == (known.gold, known.predicted)
        assert [*own.parts] == ["accuracy", "f1"]
        for metric, parts in own.parts.items():
            assert np.array_equal(parts.numerator, known.parts[metric].numerator)
            assert np.array_equal(parts.denominator, known.parts[metric].denominator)
    assert read_origin(file) == ORIGIN


def test_one_language_is_read_alone(file):
    assert [*read_outcomes(file, ["en"])] == ["en"]
    assert read_outcomes(file, ["de"]) == {}


def test_parts_of_a_metric_are_read_alone(file):
    found = read_parts(file, "f1")
    assert [*found] == ["no", "en"]
    assert np.array_equal(found["en"].numerator, np.linspace(0, 1, 400))
    assert read_parts(file, "macro_f1") == {}


def test_a_language_may_lack_a_metric(tmp_path):
    path, without = tmp_path / "test.parquet", Outcomes(["a"], ["b"], {})
    write_outcomes(path, {"en": without, "no": tagged(2)}, origin=ORIGIN)
    assert [*read_parts(path, "f1")] == ["no"]
    assert read_outcomes(path)["en"].parts == {}
    assert read_outcomes(path)["en"].gold == [["a"]]  # as a text stands beside lists


def test_texts_stay_texts(tmp_path):
    path = tmp_path / "test.parquet"
    write_outcomes(path, {"en": Outcomes([["x", "y"]], ["=x"], {})}, origin=ORIGIN)
    found = read_outcomes(path)["en"]
    assert (found.gold, found.predicted) == ([["x", "y"]], ["=x"])


def test_pandas_reads_them_with_small_numbers(file):
    frame = pd.read_parquet(file)
    assert frame.columns[:4].tolist() == ["language", "example", "gold", "predicted"]
    assert frame.accuracy_numerator.dtype == frame.accuracy_denominator.dtype == "uint8"
    assert frame.groupby("language", observed=True).accuracy_numerator.sum()["en"] == 200


@pytest.mark.parametrize("place", [0.3, 0.6, 0.99])
def test_a_damaged_file_is_an_error(file, place):
    content = file.read_bytes()
    file.write_bytes(content[: int(place * len(content))])
    with pytest.raises(DataError, match=r"test\.parquet: cannot be read as a file of predictions"):
        read_parts(file, "f1")


def test_a_changed_byte_is_an_error(file):
    content = bytearray(file.read_bytes())
    content[200] ^= 255
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"test\.parquet: cannot be read"):
        read_outcomes(file)


def test_another_parquet_file_is_an_error(tmp_path):
    path = tmp_path / "test.parquet"
    pq.write_table(pa.table({"language": ["en"]}), path)
    with pytest.raises(DataError, match="lacks the column 'example'"):
        read_outcomes(path)
    with pytest.raises(DataError, match="says not what of"):
        read_origin(path)


def _changed(file, name, values):
    table = pq.read_table(file, partitioning=None)
    table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, file)


def test_a_missing_example_is_an_error(file):
    _changed(file, "example", [*range(1, 6), *range(400)])
    with pytest.raises(DataError, match="from 0 on, in order, has others of no"):
        read_parts(file, "f1")


def test_a_part_that_is_no_number_is_an_error(file):
    _changed(file, "f1_numerator", [float("inf")] * 405)
    with pytest.raises(DataError, match="the parts of f1 must be finite numbers"):
        read_parts(file, "f1")
