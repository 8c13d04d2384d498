import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from alignfreeze.contracts import parquet_rows
from alignfreeze.errors import DataError

TAGS = ClassLabel(names=["O", "B-PER"])


@pytest.fixture
def save(tmp_path):
    def save_columns(features=None, **columns):
        path = tmp_path / "test.parquet"
        Dataset.from_dict(columns, features and Features(features)).to_parquet(str(path))
        return path

    return save_columns


def test_rows_are_numbered_from_one_and_have_the_columns_asked_for(save):
    path = save(a=["x", "y"], b=[1, 2], c=[None, "z"])
    assert list(parquet_rows(path, ("c", "a"))) == [
        (1, {"c": None, "a": "x"}),
        (2, {"c": "z", "a": "y"}),
    ]


def test_class_numbers_become_names(save):
    path = save({"label": TAGS}, label=[1, 0, -1, None])
    assert [row["label"] for _, row in parquet_rows(path, ("label",))] == ["B-PER", "O", None, None]


def test_class_numbers_in_lists_become_names(save):
    path = save({"tags": List(TAGS)}, tags=[[1, 0], [], None])
    assert [row["tags"] for _, row in parquet_rows(path, ("tags",))] == [["B-PER", "O"], [], None]


def test_plain_integers_and_strings_stay(save):
    path = save({"n": Value("int64"), "s": List(Value("string"))}, n=[1], s=[["O"]])
    assert list(parquet_rows(path, ("n", "s"))) == [(1, {"n": 1, "s": ["O"]})]


def test_batches_follow_each_other(save):
    path = save(n=list(range(2500)))
    assert [(number, row["n"] + 1) for number, row in parquet_rows(path, ("n",))] == [
        (number, number) for number in range(1, 2501)
    ]


def test_a_missing_column_is_named(save):
    path = save(a=["x"], b=["y"])
    with pytest.raises(DataError, match=r"test\.parquet: must have a column 'c', has: a b$"):
        list(parquet_rows(path, ("a", "c")))


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_truncated_file_is_one_line(save, keep):
    path = save(a=["x"] * 100)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"test\.parquet: cannot be read as parquet: .+\Z"):
        list(parquet_rows(path, ("a",)))


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"none\.parquet: cannot be read as parquet: .+\Z"):
        list(parquet_rows(tmp_path / "none.parquet", ("a",)))
