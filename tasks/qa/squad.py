"""Questions with their answers as files have them: SQuAD's JSON, rows of the hub, JSON lines."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from alignfreeze.contracts import LONE_SURROGATE, json_value, numbered_lines, shortened, shown
from alignfreeze.errors import DataError

KINDS: dict[type, str] = {str: "text", int: "a whole number", list: "a list", dict: "an object"}
"""What JSON's types are called in messages."""


@dataclass(frozen=True)
class Entry:
    """A question as a file has it: nothing is known of its answers but what the file says.

    Attributes:
        id: The data set's own, or else its place among all.
        question: The question, not blank.
        context: The text that it is about.
        answers: Text of each right answer and where it is said to begin; none where the file says
            that the text does not answer it.
    """

    id: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...]


def read_entries(path: Path) -> list[Entry]:
    """Read the questions of a text file, by what is in it.

    It is JSON, or JSON lines; a question is in a paragraph of an article, as in SQuAD, in a
    paragraph by itself, as in MRQA, or a row, as the hub's are exported.

    Raises:
        DataError: If the file is malformed; names the file, and the line or the question's id.
    """
    found: list[Entry] = []
    for number, content in _values(path):
        try:
            found += _entries(content, "")
        except ValueError as error:
            raise DataError(str(error), file=path, line=number) from None
    return named(found)


def named(entries: Iterable[Entry]) -> list[Entry]:
    """Give questions without an id their place among all, counted from 1."""
    numbered = enumerate(entries, 1)
    return [entry if entry.id else replace(entry, id=f"#{number}") for number, entry in numbered]


def _values(path: Path) -> Iterator[tuple[int | None, Any]]:
    """The JSON of a file: all of it, or that of each line, with its number."""
    lines = list(numbered_lines(path))
    filled = ((number, line) for number, line in lines if line.strip())
    begin = list(islice(filled, 2))
    if len(begin) > 1 and _is_json(begin[0][1], path):
        for number, line in chain(begin, filled):
            yield number, json_value(line, path, number)
    else:
        yield None, json_value("\n".join([line for _, line in lines]), path, 1)


def _is_json(text: str, path: Path) -> bool:
    try:
        json_value(text, path, 1)
    except DataError:
        return False
    return True


def _entries(content: Any, place: str) -> Iterator[Entry]:
    """The questions of a JSON value, in order, whichever of the known ones it is."""
    if isinstance(content, list):
        for number, item in enumerate(content):
            yield from _entries(item, f"{place}[{number}]")
    elif isinstance(content, dict) and ("data" in content or "paragraphs" in content):
        name = "data" if "data" in content else "paragraphs"
        with _at(place):
            items = _field(content, name, list)
        yield from _entries(items, f"{place}.{name}".removeprefix("."))
    elif isinstance(content, dict) and "qas" in content:
        yield from _paragraph(content, place)
    elif not (isinstance(content, dict) and "header" in content):  # as MRQA's first line has
        with _at(place):
            yield row_entry(content)


def _paragraph(content: Mapping[str, Any], place: str) -> Iterator[Entry]:
    with _at(place):
        context, items = _field(content, "context", str), _field(content, "qas", list)
    for number, item in enumerate(items):
        where = f"{place}.qas[{number}]".removeprefix(".")
        try:
            id = _id(item)
            where = f"question {id!r}"
            entry = _entry(item, id, context)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        yield entry


def row_entry(row: Any) -> Entry:
    """A question from a row with its text, such as of the hub; without an `id`, it has none.

    Raises:
        ValueError: If a value breaks its rule; says the rule and the value.
    """
    if not isinstance(row, dict):
        raise ValueError(f"must be an object with 'data' or 'question', got {shown(row)}")
    if "question" not in row:
        rule = "must have 'data', or 'question', 'context' and 'answers'"
        raise ValueError(f"{rule}, has: {_names(row)}")
    return _entry(row, _id(row) if "id" in row else "", _field(row, "context", str))


def _id(entry: Any) -> str:
    """The id of a question; some data sets have numbers, and MRQA's is called `qid`."""
    has = entry if isinstance(entry, dict) else {}
    name = "qid" if "id" not in has and "qid" in has else "id"
    return str(_field(entry, name, int if type(has.get(name)) is int else str))


def _entry(entry: Mapping[str, Any], id: str, context: str) -> Entry:
    question = _field(entry, "question", str)
    if not question.strip():
        raise ValueError(f"a question must not be blank, got {question!r:.60}")
    # SQuAD 2's `plausible_answers` to an impossible question are wrong ones.
    impossible = entry.get("is_impossible") is True
    return Entry(id, question, context, () if impossible else tuple(_answers(entry)))


def _answers(entry: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Text and start of each answer, in any of the three ways in which they are written."""
    if "detected_answers" in entry:  # MRQA's, of which `answers` are but the texts
        for answer in _field(entry, "detected_answers", list):
            for span in _field(answer, "char_spans", list):
                start, *_ = _field({"a span": span}, "a span", list) or [None]
                yield _answer({"text": answer.get("text"), "answer_start": start})
    elif isinstance(entry.get("answers"), dict):
        columns = entry["answers"]
        texts, starts = (_field(columns, name, list) for name in ("text", "answer_start"))
        if len(texts) != len(starts):
            counts = f"{len(texts)} and {len(starts)}"
            raise ValueError(f"'text' and 'answer_start' must be as many, got {counts}")
        for text, start in zip(texts, starts, strict=True):
            yield _answer({"text": text, "answer_start": start})
    else:
        for answer in _field(entry, "answers", list):
            yield _answer(answer)


def _answer(answer: Any) -> tuple[str, int]:
    """Text and start of an answer; the start may be a number in quotation marks."""
    text = _field(answer, "text", str)
    start = answer.get("answer_start")
    if isinstance(start, str) and start.isdecimal():
        return text, int(start)
    return text, _field(answer, "answer_start", int)


def _field(record: Any, name: str, kind: type) -> Any:
    """A field of a JSON object, which must be there, of a type and, if text, of whole characters.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(record, dict):
        raise ValueError(f"must be an object with {name!r}, got {shown(record)}")
    if name not in record:
        raise ValueError(f"must have {name!r}, has: {_names(record)}")
    value = record[name]
    if type(value) is not kind:  # isinstance takes true for a whole number
        raise ValueError(f"{name!r} must be {KINDS[kind]}, got {shown(value)}")
    if isinstance(value, str) and (half := LONE_SURROGATE.search(value)):
        raise ValueError(f"{name!r} must not have a lone surrogate, got {half[0]!r}")
    return value


def _names(record: Mapping[str, Any]) -> str:
    """What an object has, for a message."""
    text = " ".join(record).encode(errors="backslashreplace").decode() or "nothing"
    return shortened(text)


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Put a place before the message of an error."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}" if place else str(error)) from None
