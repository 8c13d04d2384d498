"""Answers looked for in the texts that they are said to be from."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from alignfreeze.contracts import Examples, listed, shortened, shown

from .squad import Entry

Choice = Literal["error", "skip"]
"""What is to be done with questions that cannot be used."""

NAMED = 10
"""How many questions a message names."""

SHOWN = 30
"""How many characters of an answer, or of an id, a message shows."""


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question about a text, and the answers to it that are in the text.

    Attributes:
        id: The data set's own, or its place in the file, for messages.
        question: The question.
        context: The text that it is about.
        answers: The right answers, at least one, each a part of the context that has no blank at
            its ends.
        starts: Where in the context each of them begins, in characters (Unicode code points).
        language: The language of all of them.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    language: str


class Place(NamedTuple):
    """Where an answer is in its context, and how it had to be looked for.

    Attributes:
        start: Where it begins, in characters.
        text: What stands there.
        note: How it was found, if not where it was said to be; else empty.
    """

    start: int
    text: str
    note: str = ""


def answered(
    entries: Sequence[Entry], language: str, *, misplaced: Choice, no_answer: Choice
) -> Examples[AnsweredQuestion]:
    """Find the answers of a file's questions.

    Args:
        entries: All questions of the file.
        language: Their language.
        misplaced: What to do with answers that are not in their context.
        no_answer: What to do with questions that have no answer.

    Returns:
        The questions that have answers, with notes on what was mended and left out.

    Raises:
        ValueError: If there are any that must not be left out; names ten of each kind.
    """
    unit, convert = _unit(entries)
    notes: Counter[str] = Counter()
    found: list[AnsweredQuestion] = []
    without: list[int] = []
    lost: dict[int, str] = {}
    for number, entry in enumerate(entries):
        texts = [(text, said) for text, said in entry.answers if text.strip()]
        if len(texts) < len(entry.answers):
            notes["blank answers, left out"] += len(entry.answers) - len(texts)
        if not texts:
            without.append(number)
        places = []
        for text, said in texts:
            start = convert(entry.context, said)
            place = located(text, start, entry.context)
            if place is None:
                lost.setdefault(number, f"{shown(text, SHOWN)} at {said}")
                notes["answers that are not in their context, left out"] += 1
                continue
            places.append(place)
            if place.note:
                notes[place.note] += 1
            if text != text.strip():
                notes["answers with blanks at an end, taken without them"] += 1
            if start != said:
                notes[f"answers whose answer_start counts {unit}, taken so"] += 1
        if places:
            found.append(_question(entry, places, language))
    notes["questions without an answer, left out"] = len(without)
    notes["questions of whose answers none is in the context, left out"] = (
        len(entries) - len(found) - len(without)
    )
    if reasons := _reasons(
        entries,
        lost if misplaced == "error" or not found else {},
        without if no_answer == "error" or not found else [],
    ):
        raise ValueError("; and ".join(reasons))
    return Examples(found, notes)


def _question(entry: Entry, places: Sequence[Place], language: str) -> AnsweredQuestion:
    answers, starts = tuple(p.text for p in places), tuple(p.start for p in places)
    return AnsweredQuestion(entry.id, entry.question, entry.context, answers, starts, language)


def _reasons(
    entries: Sequence[Entry], lost: Mapping[int, str], without: Sequence[int]
) -> list[str]:
    """Why a file is not read, and how to read the rest of it; empty if it is.

    Args:
        entries: All questions.
        lost: Those with an answer that is not in the context, by number, and which answer.
        without: Those without an answer.
    """
    total = f"{len(entries):,}"
    if without and len(without) == len(entries):
        reason = "has an answer; some test sets come without them, such as XTREME's"
        return [f"none of its {total} questions {reason}"]
    reasons = []
    if without:
        names = listed([shortened(entries[number].id, SHOWN) for number in without], NAMED)
        reasons.append(
            f"{len(without):,} of {total} questions have no answer, as in SQuAD v2, while v1.1's "
            f"all have one: {names}; task_args=qa.no_answer=skip leaves them out"
        )
    if lost:
        told = [f"{shortened(entries[n].id, SHOWN)} ({answer})" for n, answer in lost.items()]
        names = listed(told, NAMED)
        reasons.append(
            f"{len(lost):,} of {total} questions have an answer that is not in the context: "
            f"{names}; task_args=qa.misplaced=skip leaves such answers out"
        )
    return reasons


def located(text: str, start: int, context: str) -> Place | None:
    """Where an answer is: where it is said to be, or else at its nearest occurrence.

    An answer that is nowhere is looked for in the other Unicode form, composed or decomposed, and
    then with other white space between its words.

    Args:
        text: The answer, not blank; blanks at its ends are left out.
        start: Where it is said to begin, in characters.
        context: The text that is to hold it.

    Returns:
        The place; ``None`` if there is none.
    """
    start += len(text) - len(text.lstrip())
    text = text.strip()
    if _stands(text, start, context):
        return Place(start, text)
    forms = [text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))]
    how = ["answers not at their answer_start, taken from where they are nearest to it"]
    how += ["answers in another Unicode form than their context, taken in its form"] * 2
    for form, note in zip(forms, how, strict=True):
        if places := [(place, form) for place in _occurrences(form, context)]:
            return _nearest(places, start, note)
    # The pattern of a text that is longer than the context would take long to make.
    words = [form.split() for form in forms]
    fitting = [form for form in words if sum(map(len, form)) <= len(context)]
    spaced = "|".join(r"\s+".join(map(re.escape, form)) for form in fitting)
    found = re.finditer(f"(?=({spaced}))", context) if fitting else ()
    places = [(match.start(), match[1]) for match in found]
    note = "answers with other blanks between words than their context, taken as it has them"
    return _nearest(places, start, note) if places else None


def _stands(text: str, start: int, context: str) -> bool:
    return start >= 0 and context.startswith(text, start)


def _occurrences(text: str, context: str) -> Iterator[int]:
    """Where a text is in another, overlapping ones too."""
    place = context.find(text)
    while place >= 0:
        yield place
        place = context.find(text, place + 1)


def _nearest(places: Sequence[tuple[int, str]], start: int, note: str) -> Place:
    place, text = min(places, key=lambda place: abs(place[0] - start))
    return Place(place, text, note)


Convert = Callable[[str, int], int]
"""From a context and what a file says of a place in it, to characters."""


def _in_units(encoding: str, size: int) -> Convert:
    """Counts the units of an encoding, of so many bytes each."""

    def convert(context: str, said: int) -> int:
        return len(context.encode(encoding)[: max(said, 0) * size].decode(encoding, "ignore"))

    return convert


UNITS: dict[str, Convert] = {
    "characters": lambda _, said: said,
    "from 1": lambda _, said: said - 1,
    "UTF-8 bytes": _in_units("utf-8", 1),
    "UTF-16 units": _in_units("utf-16-le", 2),
}
"""What `answer_start` may count, by its name in messages."""


def _unit(entries: Sequence[Entry]) -> tuple[str, Convert]:
    """What a file's places count: characters, unless most answers are elsewhere by one rule."""
    said = [(text, at, entry.context) for entry in entries for text, at in entry.answers]
    for name, convert in UNITS.items():
        right = sum(_stands(text, convert(context, at), context) for text, at, context in said)
        if 2 * right > len(said):
            return name, convert
    return "characters", UNITS["characters"]
