import json
from pathlib import Path

import pytest
from alignfreeze_example import SentimentClassification
from datasets import ClassLabel, Dataset, Features, Value

from alignfreeze.contracts import DataSource, LabelledText
from alignfreeze.testing import TaskContract

AFRISENTI = "text\tlabel\nSala na kazi\tneutral\nKaribu ni fahari kwetu\tpositive\n"
TEXTS = [
    LabelledText("Sala na kazi", "neutral"),
    LabelledText("Karibu ni fahari kwetu", "positive"),
]


@pytest.fixture
def task() -> SentimentClassification:
    return SentimentClassification()


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    """AfriSenti's files, as they are published."""
    folder = tmp_path / "splitted-train-dev-test" / "sw"
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text(AFRISENTI, encoding="utf-8")
    return DataSource(name="test", root=tmp_path)


class TestSentimentClassification(TaskContract):
    pass


def test_published_files_are_read_as_they_are(
    task: SentimentClassification, source: DataSource
) -> None:
    assert task.languages_in(source) == ["sw"]
    assert task.load(source, "sw", "test") == TEXTS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("test.csv", "tweet,label\nSala na kazi,1\nKaribu ni fahari kwetu,2\n"),
        (
            "test.jsonl",
            "".join(json.dumps({"review": t.text, "sentiment": t.label}) + "\n" for t in TEXTS),
        ),
    ],
)
def test_other_tables_are_read(
    task: SentimentClassification, tmp_path: Path, name: str, content: str
) -> None:
    folder = tmp_path / "sentiment" / "sw"
    folder.mkdir(parents=True)
    (folder / name).write_text(content, encoding="utf-8")
    assert task.load(DataSource(name="test", root=tmp_path), "sw", "test") == TEXTS


def test_the_hub_has_classes_by_number(task: SentimentClassification, tmp_path: Path) -> None:
    """UMSAB's columns and classes, as parquet."""
    features = Features(
        {"text": Value("string"), "label": ClassLabel(names=["negative", "neutral", "positive"])}
    )
    rows = {"text": [example.text for example in TEXTS], "label": [1, 2]}
    path = tmp_path / "sentiment" / "sw" / "test.parquet"
    path.parent.mkdir(parents=True)
    Dataset.from_dict(rows, features).to_parquet(str(path))
    assert task.load(DataSource(name="test", root=tmp_path), "sw", "test") == TEXTS
    place = task.hub_split("de", "validation")
    assert place is not None
    assert (place.config, place.split, place.columns) == ("german", "validation", ("text", "label"))
    assert task.hub_split("sw", "test") is None
