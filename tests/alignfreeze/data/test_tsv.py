from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.data.tsv import table_pairs
from alignfreeze.errors import DataError

PAIRS = [("The cat.", "Die Katze."), ("A dog!", "Ein Hund!")]


def read(path):
    notes: Counter[str] = Counter()
    return list(table_pairs(path, ("en", "de"), notes)), dict(+notes)


@pytest.fixture
def pairs_of(write):
    """Reads a table of some text."""
    return lambda text: read(write("en-de.tsv", text))


LEFT_OUT = "columns of en-de.tsv left out"
QUOTED = "fields of en-de.tsv in quotation marks, read as CSV has them"


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("The cat.\tDie Katze.\nA dog!\tEin Hund!\n", 0),
        ("\ufeffThe cat.\tDie Katze.\r\nA dog!\tEin Hund!", 0),
        ("The cat.\tDie Katze.\t\nA dog!\tEin Hund!\t\n", 1),
        ("The cat.\tDie Katze.\nA dog!\tEin Hund!\t\t\n", 0),
        # a header, in any order and case, with regions, among other columns
        ("en\tde\nThe cat.\tDie Katze.\nA dog!\tEin Hund!\n", 0),
        ("DE_at\tEN-us\nDie Katze.\tThe cat.\nEin Hund!\tA dog!\n", 0),
        ("id\tde\ttopic\ten\n1\tDie Katze.\tx\tThe cat.\n2\tEin Hund!\ty\tA dog!\n", 2),
        ("source\ttarget\nThe cat.\tDie Katze.\nA dog!\tEin Hund!\n", 0),
        ("Score\tSrc\tTgt\n1\tThe cat.\tDie Katze.\n2\tA dog!\tEin Hund!\n", 1),
        # Tatoeba's pairs, and scores before or behind
        ("1276\tThe cat.\t77\tDie Katze.\n1280\tA dog!\t78\tEin Hund!\n", 2),
        ("1.07\tThe cat.\tDie Katze.\n-2e-3\tA dog!\tEin Hund!\n", 1),
        ("The cat.\tDie Katze.\t0,97\nA dog!\tEin Hund!\t1\n", 1),
    ],
)
def test_both_columns_are_found(pairs_of, text, left_out):
    assert pairs_of(text) == (PAIRS, {LEFT_OUT: left_out} if left_out else {})


def test_all_fields_may_be_quoted(pairs_of):
    text = '"The cat."\t"Die Katze."\n"A dog!"\t"Ein Hund!"\n'
    assert pairs_of(text) == (PAIRS, {QUOTED: 4})


def test_numbers_may_be_the_text(pairs_of):
    assert pairs_of("1\t2\n3\t4\n")[0] == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # doubled marks, a tab and a line break within a field: CSV's
        ('a\t"say ""b"""\n"c\td"\te\n', [("a", 'say "b"'), ("c\td", "e")]),
        ('"""a"""\t"b "" b"\n"""a"\t"c\nd"\n', [('"a"', 'b " b'), ('"a', "c\nd")]),
        ('"a ""b"""\t"c"\n""\t""\n', [('a "b"', "c"), ("", "")]),
        # marks of the text, as Tatoeba has them
        ('"Hello."\t"Hallo."\nBye.\tTschüss.\n', [('"Hello."', '"Hallo."'), ("Bye.", "Tschüss.")]),
        ('"Hi," he said.\tx\n"a"\t"b"\n', [('"Hi," he said.', "x"), ('"a"', '"b"')]),
        ('"\t5"\nx\ty\n', [('"', '5"'), ("x", "y")]),
        ('\t""\n""\t\nx\ty\n', [("", '""'), ('""', ""), ("x", "y")]),
    ],
)
def test_fields_are_quoted_as_csv_or_hold_marks(pairs_of, text, expected):
    assert pairs_of(text)[0] == expected


@given(
    pairs=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab "\u2028\u0085,;'), min_size=1)] * 2), min_size=1
    )
)
def test_plain_text_is_read_as_it_is_unless_marks_are_doubled(tmp_path_factory, pairs):
    path = tmp_path_factory.getbasetemp() / "plain.tsv"
    path.write_text("".join(f"x{a}\ty{b}\n" for a, b in pairs), "utf-8")
    assert read(path)[0] == [(f"x{a}", f"y{b}") for a, b in pairs]


def test_a_line_with_other_columns_is_left_empty_and_told(pairs_of):
    pairs, notes = pairs_of("a\tb\nno tab\n\nc\td\ne\tf\tg\nh\ti\n")
    assert pairs == [("a", "b"), ("", ""), ("", ""), ("c", "d"), ("", ""), ("h", "i")]
    assert notes == {"lines of en-de.tsv left empty, without 2 columns (the first is line 2)": 2}


def test_lines_that_a_mark_without_end_takes_are_left_empty_and_counted(pairs_of):
    pairs, notes = pairs_of(
        'a\tb\n"a ""b"""\t"c ""d"""\n"e ""f"""\tx\n"e\tf\ng\th\ni\tj"\tk\tl\nm\tn\n'
    )
    assert pairs == [("a", "b"), ('a "b"', 'c "d"'), ('e "f"', "x"), *[("", "")] * 3, ("m", "n")]
    told = "lines of en-de.tsv left empty, without 2 columns (the first is line 4)"
    assert notes == {QUOTED: 3, told: 3}


@pytest.mark.parametrize("text", ["a\tb\tc\n", "a\n", "The cat.,Die Katze.\n", "1\tid\tx\ty\n"])
def test_two_columns_must_be_told(pairs_of, text):
    message = (
        r"en-de\.tsv:1: a table of parallel text must have two columns with a tab between, 'en' "
        r"and 'de' in this order, or a first line that says which columns are 'en' and 'de'; got "
        r"[13] columns that are not numbers$"
    )
    with pytest.raises(DataError, match=message):
        pairs_of(text)


def test_most_lines_must_have_the_same_columns(pairs_of):
    message = r"en-de\.tsv:2: .* the same columns in each line, 2 .* but 3 of 5 lines have others$"
    with pytest.raises(DataError, match=message):
        pairs_of("a\tb\nc\nd\ne\tf\tg\nh\ti\n")


def test_a_quoted_field_must_end_somewhere(pairs_of):
    with pytest.raises(DataError, match=r"en-de\.tsv:3: quoted fields must be as CSV has them"):
        pairs_of('"a ""b"""\t"c "" d"\na\tb\n"' + "x" * 200_000)


def test_text_must_be_utf8(tmp_path):
    (tmp_path / "t.tsv").write_bytes("a\tb\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"t\.tsv:1: text must be UTF-8"):
        read(tmp_path / "t.tsv")
