"""Published sets of questions, found where they are unpacked."""

import json
import logging

import pytest

from alignfreeze.errors import DataError
from alignfreeze_tasks.qa import QuestionAnswering

TASK = QuestionAnswering()
CONTEXT = "Ada Lovelace was born in London, in 1815."
QUESTIONS = (("Where?", "London", 25), ("When?", "1815", 36))


@pytest.fixture
def put(write, squad_json):
    """Writes a file of two questions."""
    return lambda name, context=CONTEXT: write(name, squad_json(context, *QUESTIONS))


@pytest.mark.parametrize("folder", ["", "qa/"])
@pytest.mark.parametrize(
    ("file", "language", "split"),
    [
        ("squad/train-v1.1.json", "en", "train"),
        ("squad/dev-v1.1.json", "en", "validation"),
        ("train-v2.0.json", "en", "train"),
        ("xquad/xquad.zh.json", "zh", "test"),
        ("xquad.th.json", "th", "test"),
        ("mlqa/MLQA_V1/dev/dev-context-de-question-de.json", "de", "validation"),
        ("MLQA_V1/test/test-context-vi-question-vi.json", "vi", "test"),
        ("test-context-hi-question-hi.json", "hi", "test"),
        ("tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.fi.train.json", "fi", "train"),
        ("tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.fi.dev.json", "fi", "test"),
    ],
)
def test_published_files_are_found(put, source, folder, file, language, split):
    put(folder + file)
    assert TASK.languages_in(source, split) == [language]
    assert len(TASK.load(source, language, split)) == 2


@pytest.mark.parametrize("other", ["test-context-de-question-en.json", "xquad.json", "train.json"])
def test_other_files_are_not(put, source, other):
    """MLQA's questions in another language than their texts are another task."""
    put(f"qa/{other}")
    for split in ("train", "validation", "test"):
        assert TASK.languages_in(source, split) == []


@pytest.mark.parametrize("ending", ["jsonl", "json-lines"])
def test_json_lines_are_read_as_the_hub_exports_them(write, source, ending):
    answers = {"text": ["London"], "answer_start": [25]}
    row = {"id": "5a", "context": CONTEXT, "question": "Where?", "answers": answers}
    write(f"qa/de/test.{ending}", f"{json.dumps(row)}\n" * 2)
    assert [example.id for example in TASK.load(source, "de", "test")] == ["5a", "5a"]


def test_ones_own_file_comes_first(put, source):
    put("xquad/xquad.de.json")
    own = put("qa/de/test.json")
    assert TASK.file(source, "de", "test") == own


def test_squads_validation_is_without_xquad(put, source, caplog):
    """As from the hub: XQuAD's texts are of it."""
    put("squad/dev-v1.1.json")
    assert len(TASK.load(source, "en", "validation")) == 2
    put("xquad/xquad.en.json", CONTEXT + " She died there.")
    assert len(TASK.load(source, "en", "validation")) == 2
    put("xquad/xquad.en.json", f" {CONTEXT}")
    with pytest.raises(DataError, match="not in the English test, got none in 2 questions"):
        TASK.load(source, "en", "validation")
    with caplog.at_level(logging.INFO):
        assert len(TASK.load(source, "en", "test")) == 2


def test_test_sets_without_answers_are_told(write, source, squad_json):
    """XTREME's script takes them out."""
    write("xquad/xquad.de.json", squad_json(CONTEXT, ("Where?", "", 0), ("When?", "", 0)))
    message = r"xquad\.de\.json: none of its 2 questions has an answer; .* such as XTREME's"
    with pytest.raises(DataError, match=message):
        TASK.load(source, "de", "test")


def test_squad_2_is_called_by_its_name(write, source, squad_json):
    content = json.loads(squad_json(CONTEXT, *QUESTIONS))
    impossible = {"id": "x", "question": "Why?", "answers": [], "is_impossible": True}
    plausible = {"plausible_answers": [{"text": "London", "answer_start": 25}]}
    content["data"][0]["paragraphs"][0]["qas"].append(impossible | plausible)
    write("squad/train-v2.0.json", json.dumps(content))
    message = "1 of 3 questions have no answer, as in SQuAD v2, while v1.1's all have one: x; task"
    with pytest.raises(DataError, match=message):
        TASK.load(source, "en", "train")
    examples = QuestionAnswering(no_answer="skip").load(source, "en", "train")
    assert [example.id for example in examples] == ["q0", "q1"]
    assert examples.notes == {"questions without an answer, left out": 1}
