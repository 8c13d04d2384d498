"""Tables with and without CSV's quotation marks."""

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignfreeze.errors import DataError
from alignfreeze.text.tables import is_quoted, json_rows, table_rows

QUOTED = "cells in quotation marks, as in CSV, read without them"
BLANK = "blank lines, left out"


@pytest.fixture
def rows(write):
    """Cells of a text's rows, and what was noted of it."""

    def read(text: str, name: str = "table.tsv") -> tuple[list[list[str]], dict[str, int]]:
        notes: Counter[str] = Counter()
        cells = [cells for _, cells in table_rows(write(name, text), notes)]
        return cells, {what: count for what, count in notes.items() if count}

    return read


@pytest.mark.parametrize(
    "line",
    [
        '"Yes," he said.\t"No."\tneutral',
        '"Hello."\tb\tneutral',
        '"Hello."\t"Hello?"\tneutral',
        'He said "yes".\t""\tneutral',
        '"One\ttwo"\tneutral',
        '"Hello.\tb\tneutral',
        '""Hello.""\tb\tneutral',
        '"" On the Road ""\tby "" him\tneutral',
        'a 5" pipe\ta 6" pipe\tneutral',
    ],
)
def test_quotation_marks_of_text_stay(rows, line):
    text = f"a\tb\tneutral\n{line}\n{line}\n"
    assert rows(text) == ([part.split("\t") for part in text.splitlines()], {})


@pytest.mark.parametrize(
    ("text", "cells", "count"),
    [
        ('"""Yes,"" he said."\tb\tneutral\n', [['"Yes," he said.', "b", "neutral"]], 1),
        # What is quoted in one cell is in all.
        ('"Say ""a""."\tb\n"Hello."\tb\n', [['Say "a".', "b"], ["Hello.", "b"]], 2),
        ('"one\ttwo"\tb\nc\td\n', [["one\ttwo", "b"], ["c", "d"]], 1),
        ('"one\ntwo"\tb\nc\td\n', [["one\ntwo", "b"], ["c", "d"]], 1),
        # All cells of a line are, as R and some spreadsheets have it.
        ('"a"\t"b"\t"neutral"\nc\td\te\n', [["a", "b", "neutral"], ["c", "d", "e"]], 3),
        ('""""\tb\n', [['"', "b"]], 1),
    ],
)
def test_quotation_marks_of_csv_go(rows, text, cells, count):
    assert rows(text) == (cells, {QUOTED: count})


def test_a_file_may_be_quoted_in_part(rows):
    """No text doubles its quotation marks within a pair of them."""
    text = '"Say ""a""."\tb\n"Hello."\the said "c"\n'
    assert rows(text) == ([['Say "a".', "b"], ['"Hello."', 'he said "c"']], {QUOTED: 1})


def test_blank_lines_are_left_out_and_counted(rows):
    assert rows("a\tb\n\n \t \r\nc\td\r\n\n") == ([["a", "b"], ["c", "d"]], {BLANK: 3})


def test_rows_are_numbered_by_their_first_line(write):
    path = write("table.tsv", 'a\tb\n\n"c\nd"\te\nf\tg\n')
    assert [number for number, _ in table_rows(path, Counter())] == [1, 3, 5]


def test_commas_separate_the_cells_of_a_csv(rows):
    text = 'premise,label\n"Yes, he ""said"".",neutral\n"Hello.",neutral\n'
    cells, _ = rows(text, "table.csv")
    assert cells == [
        ["premise", "label"],
        ['Yes, he "said".', "neutral"],
        ["Hello.", "neutral"],
    ]


def test_a_csv_that_is_none_is_named(rows):
    with pytest.raises(DataError, match=r"table\.csv:2: quotation marks must enclose a whole cell"):
        rows('a,b\nsay "a",b\n', "table.csv")


CELLS = st.lists(st.text(alphabet='ab" \t\n', min_size=1, max_size=8), min_size=3, max_size=3)


@given(st.lists(CELLS, min_size=1, max_size=4), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_csv_writes_is_read_back(rows, table, quoting):
    """If anything proves that it is quoted: a file of one quotation mark a cell may not be."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", quoting=quoting, lineterminator="\n").writerows(table)
    filled = [row for row in table if "".join(row).strip()]
    proven = quoting == csv.QUOTE_ALL or any(set('"\t\n') & set("".join(row)) for row in table)
    if filled == table and (proven or '"' not in text.getvalue()):
        assert rows(text.getvalue())[0] == table


@given(st.lists(st.lists(st.text(alphabet='ab" ', max_size=8), min_size=2, max_size=2), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_other_files_are_split_at_tabs(rows, table):
    """Where any cell has a mark that CSV would have enclosed."""
    table = [["x", 'say "a" now'], *table]
    lines = ["\t".join(row) for row in table]
    expected = [line.split("\t") for line in lines if line.strip()]
    found, _ = rows("\n".join(lines) + "\n")
    assert len(found) == len(expected)
    for cells, own in zip(found, expected, strict=True):
        for cell, original in zip(cells, own, strict=True):
            doubled = is_quoted(original) and '""' in original[1:-1]
            assert cell == (original[1:-1].replace('""', '"') if doubled else original)


def test_json_lines_are_known_by_their_first_line(write):
    notes: Counter[str] = Counter()
    path = write("a.tsv", '\n {"a": 1}\n\n{"a": 2}\r\n')
    assert list(json_rows(path, notes)) == [(2, {"a": 1}), (4, {"a": 2})]
    assert notes == {BLANK: 2}
    assert json_rows(write("b.jsonl", "a\tb\n"), notes) is None
    assert json_rows(write("c.tsv", "{laughs} Yes.\tNo.\tneutral\n"), notes) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "must be JSON: Expecting ',' delimiter"),
        ("a\tb", "must be JSON: Expecting value"),
        (
            '{"a": ' + "9" * 5000 + "}",
            "must be JSON: a number must have at most 400 digits, got 5,000",
        ),
        (
            '{"a": ' + "[" * 5000 + "]" * 5000 + "}",
            "must be JSON: lists or objects must be nested at most 100 levels deep",
        ),
        ("5", "a line must be a JSON object"),
    ],
)
def test_a_line_that_is_no_object_is_named(write, line, message):
    path: Path = write("a.jsonl", f'{{"a": 1}}\n{line}\n')
    with pytest.raises(DataError, match=rf"a\.jsonl:2: {message}$"):
        list(json_rows(path, Counter()))
