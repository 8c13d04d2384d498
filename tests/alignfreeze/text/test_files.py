import re
from collections import Counter
from pathlib import Path

import pytest

from alignfreeze.errors import DataError
from alignfreeze.text.files import count_lines, is_file, line_blocks, line_bytes, numbered_lines


def test_only_a_newline_ends_a_line(write):
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh\nsecond"
    path = write("t.txt", text)
    assert list(numbered_lines(path)) == [(1, text.split("\n")[0]), (2, "second")]
    assert count_lines(path) == 2


def test_carriage_return_and_byte_order_mark_are_left_out(write):
    path = write("t.txt", "\ufeffone\r\n\ufefftwo\r\r\n\r\n")
    assert list(numbered_lines(path)) == [(1, "one"), (2, "\ufefftwo\r"), (3, "")]


@pytest.mark.parametrize("text", ["a", "a\n", "a\nb", "\n", "\n\n", "a\n\nb\n"])
def test_lines_are_counted_as_they_are_read(write, text):
    path = write("t.txt", text)
    assert count_lines(path) == len(list(numbered_lines(path)))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 20])
@pytest.mark.parametrize("text", ["\ufeffa\n\nbc\u2028\x0b\r\ndef\ng", "a\n" * 7, "a", "\n\n"])
def test_lines_are_skipped(write, monkeypatch, size, text):
    monkeypatch.setattr("alignfreeze.text.files.BLOCK_BYTES", size)
    path = write("t.txt", text)
    lines = list(numbered_lines(path))
    for first in range(1, len(lines) + 3):
        assert list(numbered_lines(path, first)) == lines[first - 1 :]


def test_skipped_lines_need_not_be_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xff\nb\n\xfe\n")
    lines = numbered_lines(path, 2)
    assert next(lines) == (2, "b")
    with pytest.raises(
        DataError, match=r"t\.txt:3: text must be UTF-8, got byte 0xfe at position 0"
    ):
        next(lines)


@pytest.mark.parametrize("text", ["\ufeffone\r\n\ufefftwo\r\r\n\r\n\u2028\nä", "", "a\n"])
def test_bytes_are_those_of_the_lines(write, text):
    path = write("t.txt", text)
    expected = [line.encode() for _, line in numbered_lines(path)] if text else []
    assert list(line_bytes(path)) == expected


def test_count_reads_in_blocks(write, monkeypatch):
    monkeypatch.setattr("alignfreeze.text.files.BLOCK_BYTES", 3)
    assert count_lines(write("t.txt", "ab\ncd\n\n\nefgh")) == 5
    assert count_lines(write("t.txt", "ab\ncd\n")) == 2
    assert count_lines(write("t.txt", "")) == 0


def test_blocks_are_the_runs_between_empty_lines(write):
    path = write("t.txt", "\n\na\nb\n\n\n\n\nc d")
    notes = Counter()
    assert list(line_blocks(path, notes)) == [[(3, "a"), (4, "b")], [(9, "c d")]]
    assert not notes


@pytest.mark.parametrize("blank", [" ", "\t", " \t ", "\u00a0", "\u3000", "\ufeff", "\u200b"])
def test_a_line_of_blanks_is_blank(write, blank):
    notes = Counter()
    path = write("t.txt", f"a\n{blank}\nb\n\n{blank}")
    assert list(line_blocks(path, notes)) == [[(1, "a")], [(3, "b")]]
    assert notes == {"blank lines that hold blanks": 2}


RETURNS = "lines that end in a carriage return"


@pytest.mark.parametrize(
    ("end", "count"), [("\r\n", 4), ("\r\r\n", 4), ("\r", 4), ("\n", 0)], ids=ascii
)
@pytest.mark.parametrize("last", [True, False])
def test_lines_end_as_systems_end_them(write, end, count, last):
    notes = Counter()
    text = f"a\tO{end}b\tO{end}{end}c\tO"
    path = write("t.txt", text + end * last)
    assert list(line_blocks(path, notes)) == [[(1, "a\tO"), (2, "b\tO")], [(4, "c\tO")]]
    assert notes == ({RETURNS: count - (not last)} if count else {})


def test_a_carriage_return_within_a_file_ends_a_line(write):
    notes = Counter()
    path = write("t.txt", "a\nb\rc\n\nd\r")
    assert list(line_blocks(path, notes)) == [[(1, "a"), (2, "b"), (3, "c")], [(5, "d")]]
    assert notes == {RETURNS: 2}


def test_a_byte_order_mark_within_a_file_is_left_out(write):
    """As in files put together of several; a word that is nothing else stays."""
    notes = Counter()
    path = write("t.txt", "\ufeffa\tO\n\n\ufeffb\tO\n\ufeff\tO\nc\ufeff\tO\n")
    assert [line for block in line_blocks(path, notes) for _, line in block] == [
        *("a\tO", "b\tO", "\ufeff\tO", "c\ufeff\tO")
    ]
    assert notes == {"byte-order marks within the file, left out": 1}


@pytest.mark.parametrize(
    "mark", ["-DOCSTART- -X- O O", "-DOCSTART- O", "-DOCSTART-\tO", "-DOCSTART- -X- -X- -X- O"]
)
def test_a_document_begins_no_word(write, mark):
    notes = Counter()
    path = write("t.txt", f"{mark}\n\na O\n\n{mark}\nb O\n{mark}\nc O")
    assert list(line_blocks(path, notes)) == [[(3, "a O")], [(6, "b O")], [(8, "c O")]]
    assert notes == {"-DOCSTART- lines, left out": 3}


def test_text_must_be_utf8(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("gut\nschön\n".encode("latin-1"))
    lines = numbered_lines(path)
    assert next(lines) == (1, "gut")
    message = f"{path}:2: text must be UTF-8, got byte 0xf6 at position 3"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        next(lines)


@pytest.mark.parametrize("read", [numbered_lines, line_blocks])
def test_the_byte_that_is_wrong_is_named(tmp_path, read):
    path = tmp_path / "t.txt"
    for before, line in ((b"a\n\nb\n", 4), (b"\xef\xbb\xbf", 1)):
        path.write_bytes(before + b"sch\xf6n\nc\xff\n")
        message = f"{path}:{line}: text must be UTF-8, got byte 0xf6 at position 3"
        with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
            list(read(path))


@pytest.mark.parametrize("read", [numbered_lines, line_blocks])
def test_file_must_not_be_empty(write, read):
    with pytest.raises(DataError, match=r"t\.txt: the file is empty$"):
        list(read(write("t.txt", "")))


@pytest.mark.parametrize(
    "read",
    [
        lambda path: list(numbered_lines(path)),
        lambda path: list(numbered_lines(path, 5)),
        lambda path: list(line_bytes(path)),
        count_lines,
    ],
)
def test_file_must_be_readable(tmp_path, read):
    with pytest.raises(DataError, match=r"t\.txt: cannot be read: no such file$"):
        read(tmp_path / "t.txt")
    with pytest.raises(DataError, match=r"cannot be read: Is a directory$"):
        read(tmp_path)


def test_what_cannot_be_looked_at_is_an_error(tmp_path, monkeypatch):
    assert is_file(tmp_path / "none") is is_file(tmp_path) is False
    (tmp_path / "a").touch()
    assert is_file(tmp_path / "a")

    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(DataError, match=r"a: cannot be read: Permission denied"):
        is_file(tmp_path / "a")
