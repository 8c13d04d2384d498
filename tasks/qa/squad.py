"""Questions with their answers, read from SQuAD's JSON or from the hub's rows."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignfreeze.contracts import numbered_lines
from alignfreeze.errors import DataError

KINDS: dict[type, str] = {str: "text", int: "a whole number", list: "a list", dict: "an object"}
"""What JSON's types are called in messages."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character; JSON can hold one, and no tokenizer takes it."""

SHOWN = 60
"""How many characters of a wrong value a message shows."""


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question about a text, and the answers to it that are in the text.

    Attributes:
        id: The data set's own, for messages; empty where it has none.
        question: The question.
        context: The text that it is about.
        answers: The right answers, at least one, each a part of the context.
        starts: Where in the context each of them begins, in characters (Unicode code points).
        language: The language of all of them.
        moved: How many answers were not where the data set said.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    language: str
    moved: int = 0


def read_squad(path: Path, language: str) -> list[AnsweredQuestion]:
    """Read a file in the format of SQuAD 1.1.

    Raises:
        DataError: If the file is malformed; names the file, and the line or the question's id.
    """
    text = "\n".join(line for _, line in numbered_lines(path))
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"must be JSON: {error.msg}", file=path, line=error.lineno) from None
    try:
        return list(_questions(content, language))
    except ValueError as error:
        raise DataError(str(error), file=path) from None


def _questions(content: Any, language: str) -> Iterator[AnsweredQuestion]:
    """The questions of a file, in order."""
    for i, article in enumerate(_field(content, "data", list)):
        with _at(f"data[{i}]"):
            paragraphs = _field(article, "paragraphs", list)
        for j, paragraph in enumerate(paragraphs):
            with _at(f"data[{i}].paragraphs[{j}]"):
                context = _field(paragraph, "context", str)
                entries = _field(paragraph, "qas", list)
            for k, entry in enumerate(entries):
                with _at(f"data[{i}].paragraphs[{j}].qas[{k}]"):
                    name = _id(entry)
                with _at(f"question {name!r}"):
                    answers = _answers(_field(entry, "answers", list), context)
                    yield _question(
                        _field(entry, "question", str), context, answers, language, name
                    )


def _id(entry: Any) -> str:
    """The id of a question; some data sets have numbers."""
    number = entry.get("id") if isinstance(entry, dict) else None
    return str(number) if type(number) is int else str(_field(entry, "id", str))


def question_of_row(row: Mapping[str, Any], language: str) -> AnsweredQuestion:
    """A question from a row of the hub, whose answers are ``{"text": […], "answer_start": […]}``.

    Raises:
        ValueError: If a value breaks its rule; says the rule and the value.
    """
    context = _field(row, "context", str)
    columns = _field(row, "answers", dict)
    texts, starts = (_field(columns, name, list) for name in ("text", "answer_start"))
    if len(texts) != len(starts):
        counts = f"{len(texts)} and {len(starts)}"
        raise ValueError(f"'text' and 'answer_start' must be as many, got {counts}")
    entries = [
        {"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)
    ]
    return _question(_field(row, "question", str), context, _answers(entries, context), language)


def _question(
    question: str, context: str, answers: list[tuple[str, int, bool]], language: str, id: str = ""
) -> AnsweredQuestion:
    if not question.strip():
        raise ValueError(f"a question must not be blank, got {question!r}")
    if not answers:
        raise ValueError("a question must have an answer, got none")
    texts, starts, moved = zip(*answers, strict=True)
    return AnsweredQuestion(id, question, context, texts, starts, language, sum(moved))


def _answers(entries: list[Any], context: str) -> list[tuple[str, int, bool]]:
    """Text and start of each answer, and whether it was not where it was said to be."""
    answers = []
    for entry in entries:
        text, said = _field(entry, "text", str), _field(entry, "answer_start", int)
        start = located(text, said, context)
        answers.append((text, start, start != said))
    return answers


def located(text: str, start: int, context: str) -> int:
    """Where an answer begins: where it is said to, or else at its nearest occurrence.

    Args:
        text: The answer.
        start: Where it is said to begin, in characters.
        context: The text that holds it.

    Raises:
        ValueError: If the answer is blank, or nowhere in the context.
    """
    if not text.strip():
        raise ValueError(f"an answer must not be blank, got {text!r}")
    if start >= 0 and context.startswith(text, start):
        return start
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    if not places:
        raise ValueError(f"an answer must be in the context, got {_shown(text)} at {start}")
    return min(places, key=lambda place: abs(place - start))


def _field(record: Any, name: str, kind: type) -> Any:
    """A field of a JSON object, which must be there, of a type and, if text, of whole characters.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(record, Mapping):
        raise ValueError(f"must be an object with {name!r}, got {_shown(record)}")
    if name not in record:
        raise ValueError(f"must have {name!r}, has: {' '.join(record) or 'nothing'}")
    value = record[name]
    if type(value) is not kind:  # isinstance takes true for a whole number
        raise ValueError(f"{name!r} must be {KINDS[kind]}, got {_shown(value)}")
    if isinstance(value, str) and (half := LONE_SURROGATE.search(value)):
        raise ValueError(f"{name!r} must not have a lone surrogate, got {half[0]!r}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Put a place before the message of an error."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
