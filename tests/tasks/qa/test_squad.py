import json
import re

import pytest

from alignfreeze.errors import DataError
from alignfreeze_tasks.qa.squad import Entry, named, read_entries, row_entry

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
    return lambda text: read_entries(write("test.json", text))


def test_questions_are_read(read):
    two = entry(id=7, answers=answers(("London", 24), ("Britain", 40)), is_impossible=False)
    assert read(squad([entry(), two])) == [
        Entry("5a", "Where?", CONTEXT, (("London", 16),)),
        Entry("7", "Where?", CONTEXT, (("London", 24), ("Britain", 40))),
    ]


def test_a_byte_order_mark_is_left_out(read):
    assert len(read("\ufeff" + squad([entry()]))) == 1


def test_a_byte_order_mark_in_a_text_is_part_of_it(read):
    (question,) = read(squad([entry()], "\ufeff" + CONTEXT))
    assert question.context[0] == "\ufeff"


def test_an_id_may_occur_twice(read):
    """TyDiQA's does, as it is published in this format; each question counts."""
    assert [question.question for question in read(squad([entry(), entry(question="Who?")]))] == [
        *("Where?", "Who?")
    ]


def test_answers_to_impossible_questions_are_none(read):
    """SQuAD 2 has what is plausible beside them; others put that into `answers`."""
    plausible = {"is_impossible": True, "plausible_answers": answers(("Ada", 0))}
    found = read(squad([entry(answers=[], **plausible), entry(**plausible), entry(answers=[])]))
    assert [question.answers for question in found] == [(), (), ()]


ROW = {"id": "5a", "question": "Where?", "context": CONTEXT}
COLUMNS = {"text": ["London"], "answer_start": [16]}
LISTED = answers(("London", 16))
SPANS = [{"text": "London", "char_spans": [[16, 21], [24, 29]], "token_spans": [[4, 4]]}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**ROW, "answers": COLUMNS}),  # JSON lines of one line
        json.dumps({**ROW, "answers": LISTED}, indent=1),
        json.dumps([{**ROW, "answers": COLUMNS}], indent=1),
        json.dumps({**ROW, "answers": [{"text": "London", "answer_start": "16"}]}),  # TQuAD
        json.dumps({"version": "x", "data": [{**ROW, "answers": COLUMNS}]}),
        json.dumps({"data": {"paragraphs": []}} | {"data": [{"paragraphs": [
            {"context": CONTEXT, "qas": [entry()]}]}]}),
        json.dumps([{"paragraphs": [{"context": CONTEXT, "qas": [entry()]}]}]),
        json.dumps([{"context": CONTEXT, "qas": [entry()]}]),
    ],
)  # fmt: skip
def test_each_way_to_write_a_question_is_read(read, text):
    assert read(text) == [Entry("5a", "Where?", CONTEXT, (("London", 16),))]


def test_json_lines_are_read(read):
    rows = [{**ROW, "answers": COLUMNS}, {**ROW, "id": 7, "answers": LISTED}]
    text = "\n \n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert [question.id for question in read(text + "\n\n")] == ["5a", "7"]


def test_mrqa_is_read(read):
    header = {"header": {"dataset": "SQuAD", "split": "train"}}
    asked = {"qid": "a1", "question": "Where?", "answers": ["London"], "detected_answers": SPANS}
    text = "\n".join(json.dumps(line) for line in (header, {"context": CONTEXT, "qas": [asked]}))
    assert read(text) == [Entry("a1", "Where?", CONTEXT, (("London", 16), ("London", 24)))]


def test_questions_without_an_id_have_a_number(read):
    row = {name: ROW[name] for name in ("question", "context")} | {"answers": COLUMNS}
    rows = [row, {**row, "id": "x"}, row]
    assert [question.id for question in read(json.dumps(rows))] == ["#1", "x", "#3"]
    assert [question.id for question in named(row_entry(row) for row in rows)] == ["#1", "x", "#3"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([json.dumps({**ROW, "answers": LISTED}), "{"], ":2: must be JSON: Expecting"),
        (['{"a": 1}'] * 2, ":1: must have 'data', or 'question', 'context' and 'answers', has: a"),
        ([json.dumps({**ROW, "answers": LISTED}), "5"], ":2: must be an object with 'data' or"),
        (
            [json.dumps({**ROW, "answers": LISTED}), json.dumps({**ROW, "answers": 3})],
            ":2: 'answers' must be a list, got 3",
        ),
        (['{"question": "Who?", "answers": []}'] * 2, ":1: must have 'context', has: question"),
        (
            ['{"document_plaintext": "", "annotations": []}'] * 2,
            "'context' and 'answers', has: document_plaintext annotations",
        ),
        (
            [json.dumps({**ROW, "detected_answers": [{"text": "a", "char_spans": [3]}]})],
            ": 'a span' must be a list, got 3",
        ),
        (
            [json.dumps({**ROW, "detected_answers": [{"text": "a", "char_spans": [[]]}]})],
            ": 'answer_start' must be a whole number, got None",
        ),
    ],
)
def test_malformed_rows_are_named(read, lines, message):
    with pytest.raises(DataError, match=rf"test\.json.*{re.escape(message)}"):
        read("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"data": [\n}', ":3: must be JSON: Expecting value"),
        (json.dumps({"data": [{"paragraphs": {}, "\ud800": 1}]}), "'paragraphs' must be a list"),
        (json.dumps([{"\ud800": 1, "x" * 99: 2}]), "has: \\ud800 " + "x" * 53 + "…"),
        (
            "[" * 5000 + "]" * 5000,
            ":1: must be JSON: lists or objects must be nested at most 100 levels",
        ),
        ("", ": the file is empty"),
        ("5", ": must be an object with 'data' or 'question', got 5"),
        ("{}", ": must have 'data', or 'question', 'context' and 'answers', has: nothing"),
        ('{"data": {}}', ": 'data' must be a list, got {}"),
        ('{"data": [{"title": ""}]}', r": data[0]: must have 'data', or 'question', 'context'"),
        (squad([], context=3), ": data[0].paragraphs[0]: 'context' must be text, got 3"),
        (squad([5]), ": data[0].paragraphs[0].qas[0]: must be an object with 'id', got 5"),
        (squad([{"question": "?"}]), ".qas[0]: must have 'id', has: question"),
        (squad([entry(id=True)]), ".qas[0]: 'id' must be text, got True"),
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
        (squad([entry(answers={})]), "question '5a': must have 'text', has: nothing"),
        (squad([entry(answers=answers((7, 3)))]), "question '5a': 'text' must be text, got 7"),
        (
            squad([entry(answers=answers(("London", True)))]),
            "question '5a': 'answer_start' must be a whole number, got True",
        ),
        (squad([entry(answers=[{"text": "x" * 99}])]), "must have 'answer_start', has: text"),
    ],
)
def test_malformed_files_are_named(read, text, message):
    with pytest.raises(DataError, match=rf"test\.json.*{re.escape(message)}"):
        read(text)


def test_text_must_be_utf8(write):
    path = write("test.json", "")
    path.write_bytes(b'{"data":\n"\xff"}')
    with pytest.raises(DataError, match=r"test\.json:2: text must be UTF-8, got byte 0xff"):
        read_entries(path)


def row(**changes: object) -> dict:
    columns = {"text": ["London"], "answer_start": [15]}
    return {"question": "Where?", "context": CONTEXT, "answers": columns, **changes}


def test_rows_of_the_hub_are_read():
    assert row_entry(row()) == Entry("", "Where?", CONTEXT, (("London", 15),))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": None}, "'question' must be text, got None"),
        ({"context": None}, "'context' must be text, got None"),
        ({"answers": None}, "'answers' must be a list, got None"),
        ({"answers": {"text": ["a"]}}, "must have 'answer_start', has: text"),
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
        row_entry(row(**changes))
