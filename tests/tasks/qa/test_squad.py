import json
import re

import pytest

from alignfreeze.errors import DataError
from alignfreeze_tasks.qa.squad import AnsweredQuestion, located, question_of_row, read_squad

CONTEXT = "Ada was born in London. London is in 🇬🇧 Britain."


def answers(*pairs: tuple[str, int]) -> list[dict]:
    return [{"text": text, "answer_start": start} for text, start in pairs]


def squad(qas: object, context: object = CONTEXT) -> str:
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]})


def entry(**changes: object) -> dict:
    question = {"id": "5a", "question": "Where?", "answers": answers(("London", 16))}
    return {**question, **changes}


@pytest.fixture
def read(write):
    return lambda text, language="xx": read_squad(write("test.json", text), language)


def test_questions_are_read(read):
    two = entry(id=7, answers=answers(("London", 24), ("Britain", 40)), is_impossible=False)
    assert read(squad([entry(), two]), "de") == [
        AnsweredQuestion("5a", "Where?", CONTEXT, ("London",), (16,), "de"),
        AnsweredQuestion("7", "Where?", CONTEXT, ("London", "Britain"), (24, 40), "de"),
    ]


def test_positions_are_code_points(read):
    place = CONTEXT.index("Britain")
    assert place == 40  # each half of the flag counts once; it would be 42 in UTF-16
    (question,) = read(squad([entry(answers=answers(("Britain", place)))]))
    assert question.starts == (place,)
    assert question.moved == 0


def test_a_byte_order_mark_is_left_out(read):
    assert len(read("\ufeff" + squad([entry()]))) == 1


def test_a_byte_order_mark_in_a_text_is_part_of_it(read):
    (question,) = read(squad([entry(answers=answers(("London", 17)))], "\ufeff" + CONTEXT))
    assert (question.context[0], question.starts, question.moved) == ("\ufeff", (17,), 0)


def test_an_id_may_occur_twice(read):
    """TyDiQA's does, as it is published in this format; each question counts."""
    assert [question.question for question in read(squad([entry(), entry(question="Who?")]))] == [
        *("Where?", "Who?")
    ]


def test_answers_elsewhere_are_found_and_counted(read):
    moved = answers(("London", 18), ("London", 23), ("London", 16), ("Britain", -3))
    (question,) = read(squad([entry(answers=moved)]))
    assert question.starts == (16, 24, 16, 40)
    assert question.moved == 3


@pytest.mark.parametrize(
    ("start", "found"), [(0, 0), (1, 0), (2, 0), (3, 4), (4, 4), (9, 8), (99, 8), (-1, 0), (-3, 0)]
)
def test_the_nearest_occurrence_is_taken(start, found):
    assert located("ab", start, "ab..ab..ab") == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"data": [\n}', ":3: must be JSON: Expecting value"),
        ("", ": the file is empty"),
        ("[]", ": must be an object with 'data', got []"),
        ("{}", ": must have 'data', has: nothing"),
        ('{"data": {}}', ": 'data' must be a list, got {}"),
        ('{"data": [{"title": ""}]}', r": data[0]: must have 'paragraphs', has: title"),
        (squad([], context=3), ": data[0].paragraphs[0]: 'context' must be text, got 3"),
        (squad([5]), ": data[0].paragraphs[0].qas[0]: must be an object with 'id', got 5"),
        (squad([entry(id=True)]), ".qas[0]: 'id' must be text, got True"),
        (squad([entry(), entry(answers=[])]), "question '5a': a question must have an answer, got"),
        (squad([entry(question=" ")]), "question '5a': a question must not be blank, got ' '"),
        (
            squad([entry(question="Wh\ud800?")]),
            r"question '5a': 'question' must not have a lone surrogate, got '\ud800'",
        ),
        (
            squad([entry()], context=CONTEXT + "\udfff"),
            r"data[0].paragraphs[0]: 'context' must not have a lone surrogate, got '\udfff'",
        ),
        (
            squad([entry(answers=answers(("\udc00", 16)))]),
            r"question '5a': 'text' must not have a lone surrogate, got '\udc00'",
        ),
        (squad([entry(answers=answers(("\t\u00a0\n", 3)))]), "an answer must not be blank, got"),
        (squad([entry(answers={})]), "question '5a': 'answers' must be a list, got {}"),
        (squad([entry(answers=answers((" ", 3)))]), "'5a': an answer must not be blank, got ' '"),
        (squad([entry(answers=answers((7, 3)))]), "question '5a': 'text' must be text, got 7"),
        (
            squad([entry(answers=answers(("London", True)))]),
            "question '5a': 'answer_start' must be a whole number, got True",
        ),
        (
            squad([entry(answers=answers(("Paris", 16)))]),
            "question '5a': an answer must be in the context, got 'Paris' at 16",
        ),
        (squad([entry(answers=[{"text": "x" * 99}])]), "must have 'answer_start', has: text"),
        (squad([entry(answers=answers(("x" * 99, 0)))]), f"got '{'x' * 59}… at 0"),
    ],
)
def test_malformed_files_are_named(read, text, message):
    with pytest.raises(DataError, match=rf"test\.json.*{re.escape(message)}"):
        read(text)


def test_text_must_be_utf8(write):
    path = write("test.json", "")
    path.write_bytes(b'{"data":\n"\xff"}')
    with pytest.raises(DataError, match=r"test\.json:2: text must be UTF-8, got byte 0xff"):
        read_squad(path, "xx")


def row(**changes: object) -> dict:
    columns = {"text": ["London"], "answer_start": [15]}
    return {"question": "Where?", "context": CONTEXT, "answers": columns, **changes}


def test_rows_of_the_hub_are_read():
    assert question_of_row(row(), "de") == AnsweredQuestion(
        "", "Where?", CONTEXT, ("London",), (16,), "de", moved=1
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": None}, "'question' must be text, got None"),
        ({"context": None}, "'context' must be text, got None"),
        ({"answers": None}, "'answers' must be an object, got None"),
        ({"answers": {"text": ["a"]}}, "must have 'answer_start', has: text"),
        ({"answers": {"text": [], "answer_start": []}}, "a question must have an answer, got none"),
        (
            {"answers": {"text": ["London"], "answer_start": []}},
            "'text' and 'answer_start' must be as many, got 1 and 0",
        ),
        (
            {"answers": {"text": [None], "answer_start": [1]}},
            "'text' must be text, got None",
        ),
    ],
)
def test_malformed_rows_say_the_rule(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        question_of_row(row(**changes), "de")
