"""Answers are looked for, what is mended is counted, what is lost is told all at once."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze_tasks.qa.answers import UNITS, AnsweredQuestion, Place, answered, located
from alignfreeze_tasks.qa.squad import Entry

CONTEXT = "Ada was born in London. London is in 🇬🇧 Britain."
MOVED = "answers not at their answer_start, taken from where they are nearest to it"
FORM = "answers in another Unicode form than their context, taken in its form"
SPACED = "answers with other blanks between words than their context, taken as it has them"
BLANK = "answers with blanks at an end, taken without them"


def entry(*answers: tuple[str, int], id: str = "5a", context: str = CONTEXT) -> Entry:
    return Entry(id, "Where?", context, answers)


def found(*entries: Entry, misplaced: str = "error", no_answer: str = "error"):
    return answered(entries, "xx", misplaced=misplaced, no_answer=no_answer)


def test_answers_where_they_are_said_to_be_are_taken_as_they_are():
    examples = found(entry(("London", 24), ("Britain", 40)))
    assert examples == [
        AnsweredQuestion("5a", "Where?", CONTEXT, ("London", "Britain"), (24, 40), "xx")
    ]
    assert examples.notes == {}
    assert CONTEXT.index("Britain") == 40  # each half of the flag counts once; 42 in UTF-16


def test_answers_elsewhere_are_found_and_counted():
    good = [entry(("London", 16))] * 3
    moved = entry(("London", 18), ("London", 23), ("London", 16), ("Britain", -3))
    *_, question = examples = found(*good, moved)
    assert question.starts == (16, 24, 16, 40)
    assert examples.notes == {MOVED: 3}


@pytest.mark.parametrize(
    ("start", "place"), [(0, 0), (1, 0), (2, 0), (3, 4), (4, 4), (9, 8), (99, 8), (-1, 0), (-3, 0)]
)
def test_the_nearest_occurrence_is_taken(start, place):
    note = "" if start == place else MOVED
    assert located("ab", start, "ab..ab..ab") == Place(place, "ab", note)


def test_occurrences_may_overlap():
    assert located("aa", 1, "aaa") == Place(1, "aa")
    assert located("aa", 9, "aaa") == Place(1, "aa", MOVED)


@pytest.mark.parametrize("text", [" London", "London ", "\t London\u00a0\n", "\u3000London"])
def test_blanks_at_the_ends_are_no_part_of_an_answer(text):
    start = 16 - (len(text) - len(text.lstrip()))
    (question,) = examples = found(entry((text, start)))
    assert (question.answers, question.starts) == (("London",), (16,))
    assert examples.notes == {BLANK: 1}


@pytest.mark.parametrize(
    ("answer", "there"),
    [("New York", "New\u00a0York"), ("New York", "New  York"), ("New\nYork", "New York")],
)
def test_blanks_between_words_may_differ(answer, there):
    (question,) = examples = found(entry((answer, 3), context=f"In {there} city"))
    assert (question.answers, question.starts) == ((there,), (3,))
    assert examples.notes == {SPACED: 1}


@pytest.mark.parametrize("text", ["Việt Nam", "한국어", "Zürich", "ἄνθρωπος"])
@pytest.mark.parametrize(("ours", "theirs"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_the_unicode_form_may_differ(text, ours, theirs):
    context = unicodedata.normalize(theirs, f"é {text} é")
    answer = unicodedata.normalize(ours, text)
    (question,) = examples = found(entry((answer, 2), context=context))
    assert question.answers == (unicodedata.normalize(theirs, text),)
    assert context.startswith(question.answers[0], question.starts[0])
    assert examples.notes == {FORM: 1}


def test_form_and_blanks_may_differ_together():
    place = located("Zu\u0308rich  West", 0, "In Zürich\u00a0West")
    assert place == Place(3, "Zürich\u00a0West", SPACED)


RUSSIAN = "Да, 🇬🇧 Анна родилась в Ульме, а Анна — нет."
COUNTS = {
    "from 1": lambda text, start: start + 1,
    "UTF-8 bytes": lambda text, start: len(text[:start].encode()),
    "UTF-16 units": lambda text, start: len(text[:start].encode("utf-16-le")) // 2,
}


@pytest.mark.parametrize("unit", COUNTS)
def test_places_counted_otherwise_are_understood(unit):
    """By distance alone, the second name would be taken where bytes are counted."""
    places = [(text, RUSSIAN.index(text)) for text in ("Анна", "Ульме", "нет")]
    places += [("Анна", RUSSIAN.rindex("Анна"))]
    entries = [entry((a, COUNTS[unit](RUSSIAN, n)), context=RUSSIAN) for a, n in places]
    examples = found(*entries)
    assert [question.starts for question in examples] == [(start,) for _, start in places]
    assert examples.notes == {f"answers whose answer_start counts {unit}, taken so": 4}


def test_a_few_places_counted_otherwise_are_moved():
    right = [entry(("London", 16)), entry(("Britain", 40))]
    assert found(*right, entry(("Britain", 41))).notes == {MOVED: 1}


@given(st.text(alphabet="aé한🇬 ", max_size=12), st.sampled_from(list(COUNTS)), st.data())
def test_units_are_turned_into_characters(text, unit, data):
    place = data.draw(st.integers(0, len(text)))
    assert UNITS[unit](text, COUNTS[unit](text, place)) == place


def questions(n: int, *answers: tuple[str, int]) -> list[Entry]:
    return [entry(*answers, id=f"q{number}") for number in range(n)]


def test_answers_that_are_nowhere_are_told_all_at_once():
    entries = [entry(("London", 16)), *questions(12, ("Paris", 16))]
    names = ", ".join(f"q{n} ('Paris' at 16)" for n in range(10))
    with pytest.raises(ValueError, match="12 of 13 questions have an answer") as caught:
        found(*entries)
    assert str(caught.value) == (
        f"12 of 13 questions have an answer that is not in the context: {names} and 2 more; "
        "task_args=qa.misplaced=skip leaves such answers out"
    )


def test_a_long_answer_is_shortened():
    with pytest.raises(ValueError, match=rf"5a \('{'x' * 30}'… at 0\)"):
        found(entry(("x" * 99, 0)))


def test_answers_that_are_nowhere_are_left_out():
    """Another answer to the question may be there."""
    both = entry(("Paris", 3), ("London", 16), ("Rome", 1), id="both")
    examples = found(both, *questions(2, ("Paris", 16)), misplaced="skip")
    assert [(question.id, question.answers) for question in examples] == [("both", ("London",))]
    assert examples.notes == {
        "answers that are not in their context, left out": 4,
        "questions of whose answers none is in the context, left out": 2,
    }


def test_questions_without_an_answer_are_told_all_at_once():
    with pytest.raises(ValueError, match="11 of 12 questions") as caught:
        found(entry(("London", 16)), *questions(11), misplaced="skip")
    assert str(caught.value) == (
        "11 of 12 questions have no answer, as in SQuAD v2, while v1.1's all have one: "
        f"{', '.join(f'q{n}' for n in range(10))} and 1 more; "
        "task_args=qa.no_answer=skip leaves them out"
    )


def test_questions_without_an_answer_are_left_out():
    examples = found(entry(("London", 16)), *questions(2), no_answer="skip")
    assert [question.id for question in examples] == ["5a"]
    assert examples.notes == {"questions without an answer, left out": 2}


def test_a_blank_answer_is_none():
    examples = found(
        entry(("\t\u00a0", 3), ("London", 16)), *questions(1, ("", 0)), no_answer="skip"
    )
    assert [question.answers for question in examples] == [("London",)]
    assert examples.notes == {
        "blank answers, left out": 2,
        "questions without an answer, left out": 1,
    }


@pytest.mark.parametrize("choice", ["error", "skip"])
def test_a_file_without_any_answer_is_told(choice):
    with pytest.raises(ValueError, match=r"^none of its 2 questions has an answer; .* XTREME's$"):
        found(*questions(2, ("", 0)), no_answer=choice)


def test_a_file_of_nothing_but_lost_answers_is_told():
    with pytest.raises(ValueError, match="2 of 2 questions have an answer that is not in"):
        found(*questions(2, ("Paris", 0)), misplaced="skip")


def test_both_reasons_are_told_together():
    message = "1 of 3 questions have no answer, .*; and 1 of 3 questions have an answer that is not"
    with pytest.raises(ValueError, match=message):
        found(entry(("London", 16)), *questions(1), *questions(1, ("Paris", 0)))


def test_no_question_has_no_example():
    assert found() == []
