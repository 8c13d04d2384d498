"""Words with their tags in columns, a word a line, as tools and shared tasks write them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import NamedTuple

from alignfreeze.errors import DataError
from alignfreeze.text.files import line_blocks

BLANKS = " \t"

HEADINGS = {"tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "pos", "upos"}
"""What the column of tags may be called in a first line of names."""

LISTED = 10
"""How many of a file's wrong tags a message lists."""

LISTED_LENGTH = 40
"""So many characters of each."""


class TaggedWord(NamedTuple):
    """A word of a file, the tag that it has there, and its line."""

    line: int
    word: str
    tag: str


class Row(NamedTuple):
    """The columns of a line."""

    line: int
    columns: list[str]


def tagged_words(path: Path, notes: Counter[str]) -> list[list[TaggedWord]]:
    """The words of each sentence of a file that has a word and its tag a line.

    Columns are set apart by tabs, or else by blanks. Of more than two the first is the word and
    the last the tag (CoNLL-2002, CoNLL-2003); where the first one numbers the words of each
    sentence, the second is the word and the third the tag (GermEval 2014, Universal NER). Lines
    with ``#`` before a sentence are comments, unless they are words with a tag as others have it.

    Args:
        path: The file.
        notes: Where to count what was not plain, by what it is.

    Raises:
        DataError: If the file is malformed; names it and the line.
    """
    blocks = list(line_blocks(path, notes))
    by_tabs = sum("\t" in line for block in blocks for _, line in block)
    separator = "\t" if 2 * by_tabs >= sum(map(len, blocks)) else None
    split = [[_row(number, line, separator, notes) for number, line in block] for block in blocks]
    sentences = _without_comments(split, separator, notes)
    rows = list(chain.from_iterable(sentences))
    if not rows:
        return []
    numbered = all(map(_is_numbered, sentences))
    width = _checked_width(rows, numbered, path)
    for place in range(width):
        column = unquoted([row.columns[place] for row in rows], notes)
        for row, field in zip(rows, column, strict=True):
            row.columns[place] = field
    if rows[0].columns[-1].lower() in HEADINGS:
        notes["heading of columns, left out"] += 1
        sentences = [sentences[0][1:], *sentences[1:]]
    word, tag = (0, -1) if width == 2 or not numbered else (1, 2)
    if width > 2:
        said = "the second and the third" if numbered else "the first and the last"
        notes[f"lines of {width} columns, of which {said} are word and tag"] = len(rows)
    return [[_word(row, word, tag, path) for row in found] for found in sentences if found]


def unquoted(fields: Sequence[str], notes: Counter[str]) -> Sequence[str]:
    """A column without the quotation marks that writers of CSV put around fields.

    They quote all fields, or else those alone that hold a quotation mark, and double every mark
    within: MasakhaNER has four for one. A column in which real words prevail, such as ``"`` or
    ``"Gold"``, stays as it is.
    """
    marked = [field for field in fields if '"' in field]
    texts = {field: text for field in {*marked} if (text := _unquoted(field))}
    if len(marked) < len(fields) or not all(field in texts for field in fields):
        texts = {field: text for field, text in texts.items() if '"' in text}
    count = sum(field in texts for field in marked)
    if 2 * count <= len(marked):
        return fields
    notes["fields in quotation marks, read as CSV has them"] += count
    return [texts.get(field, field) for field in fields]


def listed(counts: Counter[str]) -> str:
    """What there is how often, the most frequent first: ``MISC (702), DATE (13)``."""
    found = [f"{_short(name)} ({count:,})" for name, count in counts.most_common(LISTED)]
    more = len(counts) - len(found)
    return ", ".join(found) + (f" and {more:,} more" if more else "")


def _short(name: str) -> str:
    return name if len(name) <= LISTED_LENGTH else f"{name[: LISTED_LENGTH - 1]}…"


def _row(number: int, line: str, separator: str | None, notes: Counter[str]) -> Row:
    text = line.rstrip(BLANKS)
    if text != line:
        notes["lines with blanks at their end"] += 1
    if separator is None:
        return Row(number, re.split(r"[ \t]+", text.lstrip(BLANKS)))
    return Row(number, text.split(separator))


def _width(rows: Iterable[Row]) -> int:
    """The number of columns that most lines have."""
    return Counter(len(row.columns) for row in rows).most_common(1)[0][0]


def _checked_width(rows: Sequence[Row], numbered: bool, path: Path) -> int:
    """The number of columns that all lines have; the first may number the words."""
    width = _width(rows)
    if width == (2 if numbered else 1):
        alone = sum(len(row.columns) == width for row in rows)
        raise DataError(
            f"a line must be token<TAB>tag, got {alone:,} of {len(rows):,} lines without a tag, "
            "as shared tasks and XTREME give test files out: take the one that has tags",
            file=path,
        )
    for number, columns in rows:
        if len(columns) != width:
            rule = "token<TAB>tag" if width == 2 else f"of {width} columns, as most are"
            message = f"a line must be {rule}, got {len(columns)} column(s)"
            raise DataError(message, file=path, line=number)
    return width


def _without_comments(
    blocks: list[list[Row]], separator: str | None, notes: Counter[str]
) -> list[list[Row]]:
    """The sentences that blocks hold, without the comments before them."""
    heads = [list(takewhile(lambda row: row.columns[0].startswith("#"), block)) for block in blocks]
    bodies = [block[len(head) :] for head, block in zip(heads, blocks, strict=True)]
    rows = list(chain.from_iterable(bodies))
    width = _width(rows) if rows else 0
    tags = {row.columns[-1] for row in rows if len(row.columns) == width}

    def is_word(row: Row) -> bool:
        """Whether it has the columns of a word; what blanks set apart may have them by chance."""
        by_chance = separator is None and row.columns[0] == "#" and row.columns[-1] not in tags
        return len(row.columns) == width and not by_chance

    if not all(map(_is_numbered, bodies)):
        heads = [[row for row in head if not is_word(row)] for head in heads]
    notes["comments, left out"] += sum(map(len, heads))
    comments = {row.line for head in heads for row in head}
    sentences = [[row for row in block if row.line not in comments] for block in blocks]
    return [sentence for sentence in sentences if sentence]


def _is_numbered(sentence: list[Row]) -> bool:
    """Whether the first column numbers the words, from 0 or from 1."""
    numbers = [row.columns[0] for row in sentence]
    return any(numbers == [str(n) for n in range(start, start + len(numbers))] for start in (0, 1))


def _unquoted(field: str) -> str | None:
    """The text of a field as writers of CSV quote it; ``None`` if it is otherwise."""
    inner = field[1:-1].replace('""', "\0")
    if len(field) < 2 or field[0] != '"' or field[-1] != '"' or '"' in inner:
        return None
    return inner.replace("\0", '"')


def _word(row: Row, word: int, tag: int, path: Path) -> TaggedWord:
    found = TaggedWord(row.line, row.columns[word], row.columns[tag])
    for what, text in (("token", found.word), ("tag", found.tag)):
        if not text:
            raise DataError(f"a {what} must not be empty", file=path, line=row.line)
    return found
