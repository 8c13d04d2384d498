from pathlib import Path

import pytest
from alignfreeze_example import ParaphraseClassification

from alignfreeze.contracts import DataSource, Examples, Split, TextPair
from alignfreeze.errors import DataError
from alignfreeze.testing import TaskContract

HEADER = "id\tsentence1\tsentence2\tlabel\n"
LINES = "1\tAnna saw Tom .\tTom was seen by Anna .\t1\n2\tAnna saw Tom .\tTom saw Anna .\t0\n"


@pytest.fixture
def task() -> ParaphraseClassification:
    return ParaphraseClassification()


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    folder = tmp_path / "pawsx" / "en"
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text(HEADER + LINES, encoding="utf-8")
    return DataSource(name="test", root=tmp_path)


class TestParaphraseClassification(TaskContract):
    pass


def test_sentences_that_were_not_translated_are_left_out(
    task: ParaphraseClassification, source: DataSource
) -> None:
    file = source.root / "pawsx" / "en" / "test.tsv"
    file.write_text(HEADER + LINES + "3\tNS\tNS\t0\n4\t\tAnna .\t1\n", encoding="utf-8")
    examples = task.load(source, "en", "test")
    assert examples == [
        TextPair("Anna saw Tom .", "Tom was seen by Anna .", "1"),
        TextPair("Anna saw Tom .", "Tom saw Anna .", "0"),
    ]
    assert isinstance(examples, Examples)
    assert examples.notes == {"pairs that the task leaves out": 2}


@pytest.mark.parametrize(
    ("file", "language", "split"),
    [
        ("x-final/en/train.tsv", "en", "train"),
        ("x-final/de/translated_train.tsv", "de", "train"),
        ("pawsx/x-final/ja/dev_2k.tsv", "ja", "validation"),
        ("pawsx/zh/test_2k.tsv", "zh", "test"),
    ],
)
def test_the_published_archive_is_read_as_it_is(
    task: ParaphraseClassification, tmp_path: Path, file: str, language: str, split: Split
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + LINES, encoding="utf-8")
    source = DataSource(name="test", root=tmp_path)
    assert task.languages_in(source, split) == [language]
    examples = task.load(source, language, split)
    assert task.counts(examples) == {"pairs": 2}
    assert task.label_counts(examples) == {"0": 1, "1": 1}


def test_what_xtreme_makes_of_it_is_read(task: ParaphraseClassification, tmp_path: Path) -> None:
    """Without the header, and quoted as CSV."""
    (tmp_path / "pawsx").mkdir()
    text = '"""Yes ,"" he said ."\tHe said yes .\t1\r\n'
    (tmp_path / "pawsx" / "dev-de.tsv").write_text(text, encoding="utf-8", newline="")
    examples = task.load(DataSource(name="test", root=tmp_path), "de", "validation")
    assert examples == [TextPair('"Yes ," he said .', "He said yes .", "1")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("5\ta\tb\tx\n", "a label must be one of 0 1, got 'x'"),
        ("5\ta\tb\t2\n", "a label must be one of 0 1, got '2'"),
        ("5\ta\tb\n", "a line must have 4 columns as the first has, got 3"),
    ],
)
def test_a_malformed_line_is_named(
    task: ParaphraseClassification, source: DataSource, line: str, message: str
) -> None:
    (source.root / "pawsx" / "en" / "test.tsv").write_text(HEADER + line, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        task.load(source, "en", "test")
    assert "test.tsv:2" in str(caught.value)


def test_a_file_without_its_header_is_refused(
    task: ParaphraseClassification, source: DataSource
) -> None:
    (source.root / "pawsx" / "en" / "test.tsv").write_text(LINES, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"test\.tsv:1: .* header must name .* got 4 column\(s\): '1'"
    ):
        task.load(source, "en", "test")


def test_rows_of_the_hub_follow_the_same_rule(task: ParaphraseClassification) -> None:
    row = {"sentence1": "Anna .", "sentence2": "NS", "label": "0"}
    assert task.from_row(row, "de") is None
    row["sentence2"] = "Tom ."
    assert task.from_row(row, "de") == TextPair("Anna .", "Tom .", "0")


def test_the_hub_has_all_seven_languages(task: ParaphraseClassification) -> None:
    for language in ("en", *task.languages):
        place = task.hub_split(language, "validation")
        assert place is not None
        assert (place.config, place.split) == (language, "validation")
        assert place.revision == "4cd8187c404bda33cb1f62b49b001115862acf37"  # of parquet files
    assert task.hub_split("th", "test") is None
