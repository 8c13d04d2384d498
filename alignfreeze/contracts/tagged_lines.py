"""Words with their tags in columns, a word a line, as tools and shared tasks write them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise, takewhile
from pathlib import Path

from alignfreeze.errors import DataError
from alignfreeze.text.files import line_blocks
from alignfreeze.text.tables import is_quoted
from alignfreeze.text.tables import unquoted as text_of
from alignfreeze.text.tokens import split_tokens

BLANKS = (" ", "\t")

HEADINGS = {"tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "pos", "upos"}
"""What the column of tags may be called in a first line of names."""

Lines = list[tuple[int, str]]
"""Numbered lines, a tab between their columns."""


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence whose words have tags; both tuples have the same length, at least one."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


def tagged_words(path: Path, notes: Counter[str]) -> list[TaggedSentence]:
    """The sentences of a file that has a word and its tag a line.

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
    blocks, by_blanks = _with_tabs(list(line_blocks(path, notes)), notes)
    sentences = _without_comments(blocks, notes, by_blanks=by_blanks)
    if sentences and _is_heading(sentences[0][0][1]):
        notes["heading of columns, left out"] += 1
        sentences = [*filter(None, [sentences[0][1:]]), *sentences[1:]]
    lines = list(chain.from_iterable(sentences))
    if not lines:
        return []
    numbered = all(map(_is_numbered, sentences))
    width = _checked_width(lines, numbered, path)
    word, tag = (0, width - 1) if width == 2 or not numbered else (1, 2)
    if width > 2:
        said = "the second and the third" if numbered else "the first and the last"
        notes[f"lines of {width} columns, of which {said} are word and tag"] = len(lines)
    fields = "\t".join([line for _, line in lines]).split("\t")
    words, tags = (unquoted(fields[column::width], notes) for column in (word, tag))
    for what, column in (("token", words), ("tag", tags)):
        if "" in column:
            number, _ = lines[column.index("")]
            raise DataError(f"a {what} must not be empty", file=path, line=number)
    return cut_sentences(words, tags, map(len, sentences))


def cut_sentences(
    words: Sequence[str], tags: Sequence[str], lengths: Iterable[int]
) -> list[TaggedSentence]:
    """Cut the words of a file and their tags into sentences of so many words each."""
    ends = [0, *accumulate(lengths)]
    words, tags = tuple(words), tuple(tags)
    return [TaggedSentence(words[begin:end], tags[begin:end]) for begin, end in pairwise(ends)]


def unquoted(fields: Sequence[str], notes: Counter[str]) -> Sequence[str]:
    """A column without the quotation marks that writers of CSV put around fields.

    They quote all fields, or else those alone that hold a quotation mark, and double every mark
    within: MasakhaNER has four for one. A column in which real words prevail, such as ``"`` or
    ``"Gold"``, stays as it is.
    """
    marked = [field for field in fields if '"' in field]
    texts = {field: text for field in {*marked} if is_quoted(field) and (text := text_of(field))}
    if len(marked) < len(fields) or not all(field in texts for field in fields):
        texts = {field: text for field, text in texts.items() if '"' in text}
    count = sum(field in texts for field in marked)
    if 2 * count <= len(marked):
        return fields
    notes["fields in quotation marks, read as CSV has them"] += count
    return [texts.get(field, field) for field in fields]


def _with_tabs(blocks: list[Lines], notes: Counter[str]) -> tuple[list[Lines], bool]:
    """The lines with tabs between their columns, and whether blanks have stood for these."""
    lines = [line for block in blocks for _, line in block]
    by_blanks = 2 * sum("\t" in line for line in lines) < len(lines)
    if ended := sum(line.endswith(BLANKS) for line in lines):
        notes["lines with blanks at their end"] += ended
        blocks = [[(n, line.rstrip("".join(BLANKS))) for n, line in block] for block in blocks]
    if by_blanks:
        blocks = [[(n, "\t".join(split_tokens(line))) for n, line in block] for block in blocks]
    return blocks, by_blanks


def _is_heading(line: str) -> bool:
    """Whether a line says what the columns are, that of the tags among them."""
    columns = line.split("\t")
    names = {name.strip('"').lower() for name in columns[min(2, len(columns) - 1) :]}
    return not HEADINGS.isdisjoint(names)


def _widths(lines: Lines) -> list[int]:
    return [line.count("\t") + 1 for _, line in lines]


def _checked_width(lines: Lines, numbered: bool, path: Path) -> int:
    """The number of columns that all lines have; the first may number the words."""
    widths = _widths(lines)
    [(width, alone)] = Counter(widths).most_common(1)
    if width <= (2 if numbered else 1):
        raise DataError(
            f"a line must be token<TAB>tag, got {alone:,} of {len(lines):,} lines without a tag, "
            "as shared tasks and XTREME give test files out: take the one that has tags",
            file=path,
        )
    if alone < len(lines):
        place, found = next((n, found) for n, found in enumerate(widths) if found != width)
        rule = "token<TAB>tag" if width == 2 else f"of {width} columns, as most are"
        message = f"a line must be {rule}, got {found} column(s)"
        raise DataError(message, file=path, line=lines[place][0])
    return width


def _without_comments(blocks: list[Lines], notes: Counter[str], *, by_blanks: bool) -> list[Lines]:
    """The sentences that blocks hold, without the comments before them."""
    if not any(block[0][1].startswith("#") for block in blocks):
        return blocks
    heads = [list(takewhile(lambda line: line[1].startswith("#"), block)) for block in blocks]
    bodies = [block[len(head) :] for head, block in zip(heads, blocks, strict=True)]
    lines = list(chain.from_iterable(bodies))
    widths = _widths(lines)
    width = Counter(widths).most_common(1)[0][0] if lines else 0
    whole = [line for (_, line), found in zip(lines, widths, strict=True) if found == width]
    tags = {line.rpartition("\t")[2] for line in whole}

    def is_word(line: str) -> bool:
        """Whether it has the columns of a word; what blanks set apart may have them by chance."""
        columns = line.split("\t")
        by_chance = by_blanks and columns[0] == "#" and columns[-1] not in tags
        return len(columns) == width and not by_chance

    if not all(map(_is_numbered, bodies)):
        heads = [[line for line in head if not is_word(line[1])] for head in heads]
    notes["comments, left out"] += sum(map(len, heads))
    comments = {number for head in heads for number, _ in head}
    sentences = [[line for line in block if line[0] not in comments] for block in blocks]
    return [sentence for sentence in sentences if sentence]


def _is_numbered(sentence: Lines) -> bool:
    """Whether the first column numbers the words, from 0 or from 1."""
    numbers = [line.partition("\t")[0] for _, line in sentence]
    return any(numbers == [str(n) for n in range(start, start + len(numbers))] for start in (0, 1))
