"""Pairs of texts, read from files as people have them."""

import csv
import io
import json
from pathlib import Path
from typing import ClassVar

import pytest

from alignfreeze.contracts import DataSource, PairClassificationTask, Split, TextPair
from alignfreeze.errors import DataError
from alignfreeze_tasks.nli import NaturalLanguageInference

TASK = NaturalLanguageInference()
PAIRS = [
    TextPair("A dog runs .", "An animal runs .", "entailment"),
    TextPair('"Yes," he said .', '"No."', "contradiction"),
]
PARSES = [f"sentence{n}_{kind}" for kind in ("binary_parse", "parse") for n in (1, 2)]
MULTINLI_COLUMNS = ["gold_label", *PARSES, "sentence1", "sentence2", "promptID", "pairID", "genre"]
MULTINLI_COLUMNS += [f"label{n}" for n in range(1, 6)]
XNLI_COLUMNS = ["language", *MULTINLI_COLUMNS, "sentence1_tokenized", "sentence2_tokenized"]
XNLI_COLUMNS += ["match"]


def xnli(language: str, pair: TextPair) -> dict[str, str]:
    row = dict.fromkeys(XNLI_COLUMNS, "") | {"language": language, "gold_label": pair.label}
    return row | {"sentence1": pair.first, "sentence2": pair.second, "label1": "neutral"}


def lines(columns: list[str], rows: list[dict[str, str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in (columns, *([*r.values()] for r in rows)))


XNLI_ROWS = [xnli(language, pair) for language in ("ar", "de", "zh") for pair in PAIRS]


@pytest.fixture
def load(write, source):
    def load_text(text: str, name: str = "nli/xx/test.tsv"):
        write(name, text)
        return TASK.load(source, "xx", "test")

    return load_text


@pytest.mark.parametrize("folder", ["", "nli/", "XNLI-1.0/", "xnli/", "nli/XNLI-1.0/"])
@pytest.mark.parametrize("ending", ["tsv", "jsonl"])
@pytest.mark.parametrize(("file", "split"), [("dev", "validation"), ("test", "test")])
def test_xnli_is_read_as_it_is_published(write, source, folder, ending, file, split):
    """All languages are in one file, whose columns are found by their names."""
    content = {
        "tsv": lines(XNLI_COLUMNS, XNLI_ROWS),
        "jsonl": "".join(json.dumps(row) + "\n" for row in XNLI_ROWS),
    }
    write(f"{folder}xnli.{file}.{ending}", content[ending])
    assert TASK.languages_in(source, split) == ["ar", "de", "zh"]
    for language in ("ar", "de", "zh"):
        examples = TASK.load(source, language, split)
        assert examples == PAIRS
        assert examples.notes == {"pairs in other languages, left to those": 4}


def test_a_shared_file_that_changes_is_read_anew(write, source):
    write("xnli.test.tsv", lines(XNLI_COLUMNS, XNLI_ROWS))
    assert TASK.languages_in(source) == ["ar", "de", "zh"]
    write("xnli.test.tsv", lines(XNLI_COLUMNS, XNLI_ROWS[:4]))
    assert TASK.languages_in(source) == ["ar", "de"]


def test_a_shared_file_must_say_languages(write, source):
    write("nli/xnli.test.tsv", "premise\thypothesis\tlabel\na\tb\tneutral\n")
    with pytest.raises(DataError, match=r"xnli\.test\.tsv:2: must have a column 'language'"):
        TASK.languages_in(source)


@pytest.mark.parametrize("folder", ["", "nli/", "multinli_1.0/", "xnli/multinli_1.0/"])
@pytest.mark.parametrize("ending", ["txt", "jsonl"])
def test_multinli_is_the_english_train(write, source, folder, ending):
    rows = [{**dict.fromkeys(MULTINLI_COLUMNS, "x"), "gold_label": "-"}]
    rows += [
        {**rows[0], "gold_label": pair.label, "sentence1": pair.first, "sentence2": pair.second}
        for pair in PAIRS
    ]
    text = lines(MULTINLI_COLUMNS, rows)
    if ending == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    write(f"{folder}multinli_1.0_train.{ending}", text)
    assert TASK.languages_in(source, "train") == ["en"]
    examples = TASK.load(source, "en", "train")
    assert examples == PAIRS
    assert examples.notes == {"pairs without a label, left out": 1}


@pytest.mark.parametrize("folder", ["nli/", "xnli/", "XNLI-MT-1.0/multinli/"])
def test_translated_multinli_is_read(write, source, folder):
    text = "premise\thypo\tlabel\na\tb\tcontradictory\nc\td\tneutral\n"
    write(f"{folder}multinli.train.sw.tsv", text)
    assert TASK.languages_in(source, "train") == ["sw"]
    expected = [TextPair("a", "b", "contradiction"), TextPair("c", "d", "neutral")]
    assert TASK.load(source, "sw", "train") == expected


@pytest.mark.parametrize("folder", ["xnli", "nli/xnli"])
def test_what_xtreme_makes_of_xnli_is_read(write, source, folder):
    """Python's csv writes it: quoted, and with a carriage return."""
    text = io.StringIO()
    rows = [(pair.first, pair.second, pair.label) for pair in PAIRS]
    csv.writer(text, delimiter="\t").writerows(rows)
    write(f"{folder}/dev-de.tsv", text.getvalue())
    examples = TASK.load(source, "de", "validation")
    assert examples == PAIRS
    assert examples.notes == {"cells in quotation marks, as in CSV, read without them": 2}


def test_test_sets_without_labels_are_told(load):
    with pytest.raises(DataError, match=r"test\.tsv:1: .* got 2 column\(s\): 'a' 'b' .* XTREME's"):
        load("a\tb\nc\td\n")


@pytest.mark.parametrize("label", ["-", "", "-1"])
def test_a_file_without_any_label_is_told(load, label):
    with pytest.raises(DataError, match=r"test\.tsv: none of its 2 pairs has a label"):
        load(f"a\tb\t{label}\n" * 2)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a\tb\t1\n", "neutral"),
        ('{"premise": "a", "hypothesis": "b", "label": 2}\n', "contradiction"),
        ("a\tb\tNeutral \n", "neutral"),
        ("uid\tcontext\thypothesis\tlabel\n7\ta\tb\te\n", "entailment"),
    ],
)
def test_labels_may_be_written_otherwise(load, text, label):
    examples = load(text)
    assert examples == [TextPair("a", "b", label)]
    number = "class numbers, read in the order entailment neutral contradiction"
    assert examples.notes in ({}, {number: 1})
    assert (number in examples.notes) == any(digit in text for digit in ("\t1", ": 2"))


def test_columns_may_come_in_any_order_and_case(load):
    text = "Label\tHypothesis\tindex\tPremise\nneutral\tb\t0\ta\nneutral\td\t1\tc\n"
    assert load(text) == [TextPair("a", "b", "neutral"), TextPair("c", "d", "neutral")]


def test_a_name_of_ones_own_comes_before_an_alias(load):
    text = "sentence1\tpremise\thypothesis\tgold_label\tlabel\nx\ta\tb\tentailment\tneutral\n"
    assert load(text) == [TextPair("a", "b", "neutral")]


def test_the_last_columns_may_be_missing(load):
    examples = load("label\tpremise\thypothesis\tlabel1\tlabel2\nneutral\ta\tb\nneutral\tc\td\tx\n")
    assert len(examples) == 2
    assert examples.notes == {"lines with fewer columns than the header": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "premise\tconclusion\tlabel\na\tb\tneutral\n",
            r":1: a line must be premise<TAB>hypothesis<TAB>label, or a header must name the "
            r"columns premise or sentence1 or context, hypothesis or sentence2 or hypo, label or "
            r"gold_label; got 3 column\(s\): 'premise' 'conclusion' 'label'$",
        ),
        ("id\tpremise\thypothesis\n1\ta\tb\n", r"got 3 column\(s\): 'id' 'premise' 'hypothesis'"),
        ("x\ty\tz\tw\n", r":1: .* got 4 column\(s\): 'x' 'y' 'z' 'w'"),
        ("\t".join("x" * 30 for _ in range(30)), rf"got 30 column\(s\): ('{'x' * 20}…' )+…$"),
        # It may be a header, and it may be a pair.
        (
            "text_a\ttext_b\tclass\n",
            r":1: a label must be one of .*, got 'class'; .* a header must",
        ),
        ("premise\thypothesis\tlabel\na\tb\n", ":2: a line must have 3 columns as the first has"),
        ("premise\thypothesis\tlabel\na\tb\tneutral\tc\n", ":2: .* 3 columns .*, got 4"),
        ('{"premise": "a"}\n', r":1: .* got 1 column\(s\): 'premise'"),
        (
            '{"premise": "a\\ud800", "hypothesis": "b", "label": 0}\n',
            r":1: premise must not have a lone surrogate, got '\\ud800'",
        ),
        ('{"premise": "a", "hypothesis": "b", "label": [1]}\n', r"a label must be .*, got \[1\]"),
        (
            "language\tpremise\thypothesis\tlabel\nde\ta\tb\tneutral\nar\ta\tb\tneutral\n",
            r"test\.tsv: must have pairs in 'xx', has: de \(1\), ar \(1\)",
        ),
    ],
)
def test_wrong_files_are_told(load, text, message):
    with pytest.raises(DataError, match=message):
        load(text)


@pytest.mark.parametrize("ending", ["tsv", "jsonl", "csv", "txt"])
def test_ones_own_files_have_several_endings(load, ending):
    text = {
        "jsonl": '{"premise": "a", "hypothesis": "b", "label": "neutral"}\n',
        "csv": "premise,hypothesis,label\na,b,neutral\n",
    }.get(ending, "a\tb\tneutral\n")
    assert load(text, f"nli/xx/test.{ending}") == [TextPair("a", "b", "neutral")]


def test_pairs_and_labels_are_counted():
    assert TASK.counts(PAIRS) == {"pairs": 2}
    expected = {"entailment": 1, "neutral": 0, "contradiction": 1}
    assert TASK.label_counts(PAIRS) == expected


class Old(PairClassificationTask):
    """A task as they were written before files had headers."""

    folder: ClassVar[str] = "old"
    languages: ClassVar[tuple[str, ...]] = ("de",)
    labels: ClassVar[tuple[str, ...]] = ("no", "yes")
    columns: ClassVar[tuple[str, ...]] = ("left", "right", "same")


@pytest.mark.parametrize("header", ["", "id\tright\tleft\tsame\n"])
def test_a_task_need_not_know_of_headers(tmp_path: Path, header: str) -> None:
    (tmp_path / "old" / "de").mkdir(parents=True)
    text = header + ("1\tb\ta\tyes\n" if header else "a\tb\tyes\n")
    splits: tuple[Split, ...] = ("train", "validation", "test")
    for name in ("train", "dev", "test"):
        (tmp_path / "old" / "de" / f"{name}.tsv").write_text(text, encoding="utf-8")
    for split in splits:
        assert Old().load(DataSource("here", tmp_path), "de", split) == [TextPair("a", "b", "yes")]
