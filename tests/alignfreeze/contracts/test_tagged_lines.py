import csv
import io
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.contracts import tagged_words, unquoted
from alignfreeze.errors import DataError


@pytest.fixture
def read(write):
    """Words and tags of a text, sentence by sentence, and the notes."""

    def read_text(text: str) -> tuple[list[list[tuple[str, str]]], Counter[str]]:
        notes: Counter[str] = Counter()
        sentences = tagged_words(write("t.txt", text), notes)
        return [list(zip(s.words, s.tags, strict=True)) for s in sentences], +notes

    return read_text


def columns(n: int, said: str) -> str:
    return f"lines of {n} columns, of which {said} are word and tag"


FIRST, SECOND = "the first and the last", "the second and the third"
UNER = "# sent_id = 1\n# text = In Ulm\n{}\tIn\tO\t-\t-\n{}\tUlm\tB-LOC\t-\tann\n\n# text = a\n"


@pytest.mark.parametrize(
    ("text", "words", "notes"),
    [
        pytest.param("In\tO\n10 000\tB-LOC\n", ["In O", "10 000 B-LOC"], {}, id="tabs"),
        pytest.param("In O\nUlm B-LOC\n", ["In O", "Ulm B-LOC"], {}, id="blanks"),
        pytest.param("In  O\n A\u00a0X   B-LOC\n", ["In O", "A\u00a0X B-LOC"], {}, id="aligned"),
        pytest.param("#\tB-LOC\nin\tO\n", ["# B-LOC", "in O"], {}, id="a word of a hash"),
        pytest.param("#x B-LOC\nin O\n", ["#x B-LOC", "in O"], {}, id="a hashtag"),
        pytest.param(
            "In IN B-PP O\nUlm NNP I-NP B-LOC\n",
            ["In O", "Ulm B-LOC"],
            {columns(4, FIRST): 2},
            id="CoNLL-2003",
        ),
        pytest.param(
            "# # I-NP O\n5 CD I-NP O\nUlm NNP I-NP B-LOC\n",
            ["# O", "5 O", "Ulm B-LOC"],
            {columns(4, FIRST): 3},
            id="CoNLL-2003, a word of a hash",
        ),
        pytest.param(
            "#\thttp://x.org [2009-10-17]\n1\tIn\tO\tO\n2\tUlm\tB-LOC\tB-PER\n",
            ["In O", "Ulm B-LOC"],
            {"comments, left out": 1, columns(4, SECOND): 2},
            id="GermEval",
        ),
        pytest.param(
            UNER.format(1, 2),
            ["In O", "Ulm B-LOC"],
            {"comments, left out": 3, columns(5, SECOND): 2},
            id="UNER",
        ),
        pytest.param(
            UNER.format(0, 1),
            ["In O", "Ulm B-LOC"],
            {"comments, left out": 3, columns(5, SECOND): 2},
            id="numbered from 0",
        ),
        pytest.param(
            "# id 5239 domain=en\nIn _ _ O\nUlm _ _ B-LOC\n",
            ["In O", "Ulm B-LOC"],
            {"comments, left out": 1, columns(4, FIRST): 2},
            id="MultiCoNER",
        ),
        pytest.param(
            "In\tO\t\nUlm\tB-LOC \n",
            ["In O", "Ulm B-LOC"],
            {"lines with blanks at their end": 2},
            id="blanks at the end",
        ),
        pytest.param(
            "id\ttoken\tner\n1\tIn\tO\n2\tUlm\tB-LOC\n",
            ["In O", "Ulm B-LOC"],
            {"heading of columns, left out": 1, columns(3, SECOND): 2},
            id="a heading above numbered words",
        ),
        pytest.param(
            '\'\'\t""""\tO\n"""x"""\tN\tO\n',
            ["'' O", '"x" O'],
            {"fields in quotation marks, read as CSV has them": 1, columns(3, FIRST): 2},
            id="quotes in a column that is not read do not count",
        ),
    ],
)
def test_words_and_tags_are_found(read, text, words, notes):
    assert read(text) == ([[tuple(word.rsplit(" ", 1)) for word in words]], notes)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a\tO\nb\n", ":2", "a line must be token<TAB>tag, got 1 column(s)"),
        ("a\tO\nb O\n", ":2", "a line must be token<TAB>tag, got 1 column(s)"),
        ("a O\nb B\nc c O\n", ":3", "a line must be token<TAB>tag, got 3 column(s)"),
        ("a N O\nb N\nc N O\n", ":2", "a line must be of 3 columns, as most are, got 2 column(s)"),
        ("a\tO\n\n\tO\n", ":3", "a token must not be empty"),
        ("a\t\tO\n\tN\tO", ":2", "a token must not be empty"),
        ("a\nb\n\nc\tO\n", "", "got 2 of 3 lines without a tag, as shared tasks and XTREME give"),
        ("#\tx\n1\n", "", "got 1 of 1 lines without a tag, as shared tasks and"),
        ("#\tx\n1\ta\n2\tb\n\n1\tc\n", "", "got 3 of 3 lines without a tag, as shared tasks and"),
    ],
)
def test_what_is_wrong_is_named(read, text, place, message):
    with pytest.raises(DataError, match=rf"t\.txt{place}: .*{re.escape(message)}"):
        read(text)


def test_a_file_of_comments_has_no_sentence(read):
    assert read("# nothing\n\n# at all, with more words\n") == ([], {"comments, left out": 2})


# Quotation marks of CSV


def written(words: list[str], quoting: int) -> list[str]:
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t", quoting=quoting, lineterminator="\n")
    writer.writerows([word] for word in words)
    return file.getvalue().split("\n")[:-1]


texts = st.text(st.sampled_from("ab\"'"), min_size=1)


@given(st.lists(texts, min_size=1), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_quoted_fields_are_read_as_they_were_written(words, quoting):
    notes = Counter()
    assert unquoted(written(words, quoting), notes) == words
    marked = words if quoting == csv.QUOTE_ALL else [word for word in words if '"' in word]
    assert notes.total() == len(marked)


@pytest.mark.parametrize(
    "words",
    [
        ['"', "a", '"'],
        ['""', "a"],
        ['"Gold"', "a"],
        ['"', '""""', '"'],
        ['"Gold', 'Gold"', '""""'],
        ["''", "``", "a"],
    ],
)
def test_real_quotation_marks_stay(words):
    notes = Counter()
    assert unquoted(words, notes) == words
    assert not notes


def test_what_csv_would_have_doubled_stays_among_quoted_fields():
    notes = Counter()
    assert unquoted(['""""', 'an"an', '""""', "b"], notes) == ['"', 'an"an', '"', "b"]
    assert notes == {"fields in quotation marks, read as CSV has them": 2}


def test_tags_are_quoted_too(read):
    words, notes = read('"In"\t"O"\n""""\t"O"\n"Ulm"\t"B-LOC"\n')
    assert words == [[("In", "O"), ('"', "O"), ("Ulm", "B-LOC")]]
    assert notes == {"fields in quotation marks, read as CSV has them": 6}


@pytest.mark.parametrize(
    "text",
    [
        "token\ttag\nIn\tO\n",
        "Word Label\n\nIn O\n",
        '"words"\t"ner_tags"\n"In"\t"O"\n',
        "w x UPOS\nIn IN O\n",
    ],
)
def test_a_heading_is_no_word(read, text):
    words, notes = read(text)
    assert words == [[("In", "O")]]
    assert notes["heading of columns, left out"] == 1
