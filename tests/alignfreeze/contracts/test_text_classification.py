"""Single texts and their classes, read from files as the field publishes them."""

import json
from typing import Any, ClassVar

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from alignfreeze.contracts import SPLIT_FILES, Feature, LabelledText, TextClassificationTask
from alignfreeze.errors import DataError
from alignfreeze.runs.saving import pipeline_of
from alignfreeze.serving.kinds import CLASSES
from alignfreeze.testing.task import TaskContract, byte_tokenizer


class Topics(TextClassificationTask):
    """Says what a text is about, as in SIB-200."""

    folder: ClassVar[str] = "topics"
    languages: ClassVar[tuple[str, ...]] = ("de", "xx")
    labels: ClassVar[tuple[str, ...]] = ("Sports", "science/technology", "travel")


class Ratings(TextClassificationTask):
    """Says how many stars a review gives, as in MARC."""

    folder: ClassVar[str] = "ratings"
    languages: ClassVar[tuple[str, ...]] = ("de", "xx")
    labels: ClassVar[tuple[str, ...]] = ("1", "2", "3", "4", "5")
    columns: ClassVar[tuple[str, ...]] = ("review_body", "stars")


class Polarities(TextClassificationTask):
    """Has labels that elsewhere stand for none."""

    folder: ClassVar[str] = "polarities"
    languages: ClassVar[tuple[str, ...]] = ("xx",)
    labels: ClassVar[tuple[str, ...]] = ("-1", "0", "1")


TEXTS = [
    LabelledText("Who won?", "Sports"),
    LabelledText('He said, "Atoms."', "science/technology"),
]
SIB = (
    "index_id\tcategory\ttext\n548\tsports\tWho won?\n"
    '1596\tscience/technology\t"He said, ""Atoms."""\n'
)


class TestTopics(TaskContract):
    @pytest.fixture
    def task(self):
        return Topics()

    @pytest.fixture
    def source(self, write, source):
        for file in SPLIT_FILES.values():
            write(f"topics/en/{file}.tsv", SIB)
        return source


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("tsv", SIB),
        ("csv", 'text,label\nWho won?,Sports\n"He said, ""Atoms.""",science/technology\n'),
        ("jsonl", "".join(json.dumps({"text": t.text, "label": t.label}) + "\n" for t in TEXTS)),
        ("txt", 'Who won?\t0\nHe said, "Atoms."\t1\n'),
        ("tsv", 'Tweet\tid\tClass\nWho won?\t7\tSPORTS\nHe said, "Atoms."\t8\t1\n'),
    ],
)
def test_tables_of_texts_and_labels_are_read(write, source, ending, text):
    write(f"topics/xx/test.{ending}", text)
    assert Topics().languages_in(source) == ["xx"]
    assert Topics().load(source, "xx", "test") == TEXTS


def test_what_is_left_out_is_told(write, source):
    rows = "text\tlanguage\tlabel\na\txx\tSports\nb\txx\t\nc\txx\t-\nd\tde\ttravel\ne\txx\t2\n"
    write("topics/xx/test.tsv", rows)
    examples = Topics().load(source, "xx", "test")
    assert examples == [LabelledText("a", "Sports"), LabelledText("e", "travel")]
    assert examples.notes == {
        "texts without a label, left out": 2,
        "texts in other languages, left to those": 1,
        "class numbers, read in the order Sports science/technology travel": 1,
    }
    assert Topics().counts(examples) == {"texts": 2}
    expected = {"Sports": 1, "science/technology": 0, "travel": 1}
    assert Topics().label_counts(examples) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \tSports\n", "test.tsv:1: text must be a text that is not empty, got ' '"),
        ("text\tlabel\n\tSports\n", "test.tsv:2: text must be a text that is not empty, got ''"),
        ("a\tnature\n", "test.tsv:1: a label must be one of Sports .*, got 'nature'; a line must"),
        ("a\t3\n", "a class number must be below 3, got 3"),
        ("a\tSports\tb\n", r"test.tsv:1: a line must be text<TAB>label, or .* got 3 column\(s\)"),
        ("a\t-\nb\t\n", "none of its 2 texts has a label"),
        ("text\tlanguage\tlabel\na\tde\tSports\n", r"must have texts in 'xx', has: de \(1\)"),
    ],
)
def test_wrong_files_are_told(write, source, text, message):
    write("topics/xx/test.tsv", text)
    with pytest.raises(DataError, match=message):
        Topics().load(source, "xx", "test")


@pytest.mark.parametrize("value", [4, "4"])
def test_a_rating_is_a_label_and_no_class_number(value):
    row = {"review_body": "Good.", "stars": value}
    assert Ratings().from_row(row, "de") == LabelledText("Good.", "4")
    with pytest.raises(ValueError, match="a label must be one of 1 2 3 4 5, got '0'"):
        Ratings().from_row({**row, "stars": 0}, "de")
    assert Ratings().from_row({**row, "stars": -1}, "de") is None


@pytest.mark.parametrize("value", [-1, "-1"])
def test_a_label_of_the_task_is_not_taken_for_none(value):
    row = {"text": "Bad.", "label": value}
    assert Polarities().from_row(row, "xx") == LabelledText("Bad.", "-1")
    assert Polarities().from_row({**row, "label": None}, "xx") is None


@pytest.mark.parametrize("kind", ["names", "numbers", "classes"])
def test_parquet_may_have_names_numbers_or_classes(source, tmp_path, kind):
    label: Any = {
        "names": Value("string"),
        "numbers": Value("int64"),
        "classes": ClassLabel(names=[*Topics.labels]),
    }[kind]
    rows = {
        "text": [example.text for example in TEXTS],
        "label": [example.label for example in TEXTS] if kind == "names" else [0, 1],
    }
    path = tmp_path / "topics" / "xx" / "test.parquet"
    path.parent.mkdir(parents=True)
    Dataset.from_dict(rows, Features({"text": Value("string"), "label": label})).to_parquet(path)
    assert Topics().load(source, "xx", "test") == TEXTS


def test_a_row_is_a_text_and_a_long_one_is_cut(caplog):
    tokenizer = byte_tokenizer()
    texts = [LabelledText("ab", "travel"), LabelledText("a" * 40, "Sports")]
    whole, cut = Topics().featurize(texts, tokenizer, 16)
    assert tokenizer.convert_ids_to_tokens(list(whole.input_ids)) == ["[CLS]", "a", "b", "[SEP]"]
    assert (whole.targets, whole.example) == ({"labels": 2}, 0)
    assert (len(cut.input_ids), cut.targets, cut.example) == (16, {"labels": 0}, 1)
    assert "1 texts were cut to 16 subwords" in caplog.text


def test_words_that_are_unknown_are_counted(tokenizer):
    texts = [LabelledText("hello dogs \u2603", "travel"), LabelledText("hello", "Sports")]
    features = Topics().featurize(texts, tokenizer, 16)
    counts = Topics().word_counts(features, tokenizer)
    assert counts is not None
    assert (counts.words, counts.unknown) == (4, 1)


def test_rows_of_a_featurize_of_ones_own_have_no_words():
    rows = [Feature([1], {"labels": 0}, example=0)]
    assert Topics().word_counts(rows, byte_tokenizer()) is None


def test_macro_f1_counts_each_class_as_much():
    rows = [Feature([1], {"labels": label}, example=n) for n, label in enumerate((0, 0, 0, 1))]
    guesses = [(np.float32(guess),) for guess in (0, 0, 0, 0)]
    metrics = Topics().metrics([TEXTS[0]] * 4, rows, guesses)
    assert metrics == {"accuracy": 0.75, "macro_f1": pytest.approx((6 / 7 + 0) / 2)}


def test_a_saved_model_asks_for_no_second_text():
    assert pipeline_of(Topics()) == CLASSES.pipeline
    assert {**CLASSES.example, **Topics.example}.keys() == {"text"}
