"""Parallel text as a table: a sentence pair a line, with a tab between its columns."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple

from alignfreeze.data.codes import is_code_of
from alignfreeze.errors import DataError
from alignfreeze.text.files import numbered_lines

SAMPLE = 1000
"""Rows that tell which columns hold text."""

NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
"""What a column of ids or scores holds."""

FIELD = re.compile(r'(?:^|\t)(?:("(?:[^"]|"")*")(?=\t|$)|[^\t]*)')
"""A field of a line, whose group is there if it is as CSV quotes it."""

HEADERS = ({"source", "src"}, {"target", "tgt", "trg"})
"""Titles of columns that name no language."""

Row = tuple[int, list[str]]
"""The number of a row's last line, counted from 1, and its fields."""


class _Columns(NamedTuple):
    """Where the text is: both its columns, all columns, and whether a header is above them."""

    places: tuple[int, int]
    width: int
    header: bool


def table_pairs(
    path: Path, languages: tuple[str, str], notes: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The sentence pairs of a table.

    Its columns are in the order of the languages, or as a header says that names both. Columns of
    numbers, such as ids and scores, are left out where there are more than two. Fields may be
    quoted as CSV has it.

    Args:
        path: The file.
        languages: The codes of its languages, in the order of the columns.
        notes: Counts what is left out.

    Yields:
        Texts in the order of the languages; empty ones for a line that has too few fields, or too
        many, so that each line has its place.

    Raises:
        DataError: If it is not UTF-8, two columns of text cannot be told, or most of its lines have
            others.
    """
    quoted = _n_quoted(path)
    notes[f"fields of {path.name} in quotation marks, read as CSV has them"] = quoted
    sample = list(islice(_rows(path, quoted=quoted > 0), SAMPLE))
    (first, second), width, header = _columns(path, [fields for _, fields in sample], languages)
    if unread := width - 2:
        notes[f"columns of {path.name} left out"] = unread
    good = end = 0
    bad: list[int] = []
    for row, (number, fields) in enumerate(_rows(path, quoted=quoted > 0)):
        lines, end = range(end + 1, number + 1), number
        if header and row == 0:
            continue
        while len(fields) > width and not fields[-1]:
            fields.pop()
        if len(fields) == width:
            good += 1
            yield fields[first], fields[second]
            continue
        if fields != [""]:
            bad.extend(lines)
        # A quotation mark that is not closed makes a row of many lines.
        yield from repeat(("", ""), len(lines))
    _check_lines(path, bad, good, width)
    if bad:
        first_bad = f"the first is line {bad[0]}"
        notes[f"lines of {path.name} left empty, without {width} columns ({first_bad})"] = len(bad)


def _check_lines(path: Path, bad: list[int], good: int, width: int) -> None:
    """Check that most lines have the columns that they should."""
    if len(bad) > good:
        raise DataError(
            f"a table must have the same columns in each line, {width} as it seems, but "
            f"{len(bad):,} of {good + len(bad):,} lines have others",
            file=path,
            line=bad[0],
        )


def _n_quoted(path: Path) -> int:
    """How many fields are quoted as CSV has it; 0 where quotation marks are the text's.

    CSV doubles the marks within a field, and quotes each field that holds one, or all fields.
    """
    plain = marked = doubled = bare = 0
    for _, line in numbered_lines(path):
        if '"' not in line:
            plain += 1
            continue
        for field in FIELD.finditer(line):
            if '"' not in field[0]:
                plain += 1
            elif field[1] is None:
                bare += 1
            elif '""' in field[1][1:-1]:
                doubled += 1
            else:
                marked += 1
    return marked + doubled if doubled > bare or plain == bare == 0 else 0


def _rows(path: Path, *, quoted: bool) -> Iterator[Row]:
    """The fields of each row."""
    lines = numbered_lines(path)
    if not quoted:
        for number, line in lines:
            yield number, line.split("\t")
        return
    reader = csv.reader((f"{line}\n" for _, line in lines), delimiter="\t")
    try:
        for fields in reader:
            yield reader.line_num, fields or [""]
    except csv.Error as error:
        message = f"quoted fields must be as CSV has them: {error}"
        raise DataError(message, file=path, line=reader.line_num) from error


def _columns(path: Path, rows: list[list[str]], languages: tuple[str, str]) -> _Columns:
    """Where the text is, as a header says, or the rows look."""
    titles = rows[0]
    named = [[at for at, title in enumerate(titles) if is_code_of(title, x)] for x in languages]
    if all(len(places) == 1 for places in named):
        return _Columns((named[0][0], named[1][0]), len(titles), header=True)
    width = Counter(map(len, rows)).most_common(1)[0][0]
    header = all(any(title.strip().lower() in known for title in titles) for known in HEADERS)
    whole = [fields for fields in rows[header:] if len(fields) == width]
    text = [at for at in range(width) if width == 2 or not _is_numeric(whole, at)]
    if len(text) != 2:
        first, second = languages
        raise DataError(
            f"a table of parallel text must have two columns with a tab between, {first!r} and "
            f"{second!r} in this order, or a first line that says which columns are {first!r} and "
            f"{second!r}; got {len(text)} columns that are not numbers",
            file=path,
            line=1,
        )
    return _Columns((text[0], text[1]), width, header)


def _is_numeric(rows: list[list[str]], column: int) -> bool:
    """Whether a column holds nothing but numbers, as far as anything."""
    texts = (fields[column].strip() for fields in rows)
    return all(NUMBER.fullmatch(text) for text in texts if text)
