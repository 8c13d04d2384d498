"""Splits are loaded from folders and from the hub; what cannot be used is told or left out."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import datasets
import pytest

from alignfreeze.contracts import SPLIT_FILES, DataSource, HubSplit
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze_tasks.qa import QuestionAnswering

TASK = QuestionAnswering()
CONTEXT = "Ada Lovelace was born in London, in 1815. Zürich came later."
QUESTIONS = (("Where?", "London", 25), ("When was she born?", "1815", 36), ("What?", "Zürich", 42))


def test_a_file_has_a_question(write, source):
    write("qa/en/test.json", '{"data": []}')
    with pytest.raises(DataError, match=r"test\.json: the file has no example"):
        TASK.load(source, "en", "test")


def test_a_missing_split_is_an_error(source):
    with pytest.raises(MissingSplitError, match="'fr' has no test split; languages with one: none"):
        TASK.load(source, "fr", "test")


def test_answers_elsewhere_are_said_once(write, source, squad_json, caplog):
    moved = (("Where?", "London", 20), ("When?", "1815", 36), ("What?", "Zürich", 43))
    write("qa/en/test.json", squad_json(CONTEXT, *moved))
    with caplog.at_level(logging.INFO):
        found = TASK.load(source, "en", "test")
    assert [question.starts for question in found] == [(25,), (36,), (42,)]
    (message,) = caplog.messages
    assert message.endswith(
        "test.json: 2 answers not at their answer_start, taken from where they are nearest to it"
    )


@pytest.mark.parametrize(
    ("option", "answers", "note"),
    [
        ("misplaced", [{"text": "Paris", "answer_start": 3}], "none is in the context, left out"),
        ("no_answer", [], "questions without an answer, left out"),
    ],
)
def test_questions_that_cannot_be_used_are_an_error_or_left_out(
    write, source, squad_json, option, answers, note
):
    content = json.loads(squad_json(CONTEXT, *QUESTIONS))
    content["data"][0]["paragraphs"][0]["qas"][1]["answers"] = answers
    write("qa/en/test.json", json.dumps(content))
    message = rf"test\.json: 1 of 3 questions have .*: q1.*; task_args=qa\.{option}=skip leaves"
    with pytest.raises(DataError, match=message):
        TASK.load(source, "en", "test")
    examples = QuestionAnswering(**{option: "skip"}).load(source, "en", "test")
    assert [example.id for example in examples] == ["q0", "q2"]
    assert any(key.endswith(note) and count == 1 for key, count in examples.notes.items())


@pytest.fixture
def parquet(tmp_path):
    def write_rows(*answers: dict) -> DataSource:
        values = {
            "id": [str(n) for n in range(len(answers))],
            "question": ["Where?"] * len(answers),
            "context": [CONTEXT] * len(answers),
            "answers": list(answers),
        }
        folder = tmp_path / "qa" / "de"
        folder.mkdir(parents=True)
        datasets.Dataset.from_dict(values).to_parquet(folder / "test.parquet")
        return DataSource(name="test", root=tmp_path)

    return write_rows


def test_rows_of_the_hub_are_loaded(parquet, caplog):
    several = {"text": ["London", "in London"], "answer_start": [25, 21]}
    source = parquet(several, {"text": ["1815"], "answer_start": [36]})
    with caplog.at_level(logging.INFO):
        first, second = TASK.load(source, "de", "test")
    assert (first.answers, first.starts) == (("London", "in London"), (25, 22))
    assert (second.question, second.context, second.language) == ("Where?", CONTEXT, "de")
    assert "1 answers not at their answer_start" in caplog.text


def test_rows_of_the_hub_are_named_by_their_number(parquet):
    right, wrong, none = (
        {"text": texts, "answer_start": [25] * len(texts)} for texts in (["London"], ["Paris"], [])
    )
    source = parquet(right, wrong, none)
    message = (
        r"test\.parquet: 1 of 3 questions have no answer, .*: #3; .*"
        r"1 of 3 questions have an answer that is not in the context: #2 \('Paris' at 25\)"
    )
    with pytest.raises(DataError, match=message):
        TASK.load(source, "de", "test")
    examples = QuestionAnswering(misplaced="skip", no_answer="skip").load(source, "de", "test")
    assert [example.id for example in examples] == ["#1"]
    assert sum(examples.notes.values()) == 3


def test_a_malformed_row_is_named(parquet):
    with pytest.raises(DataError, match=r"test\.parquet: row 2: 'text' and .* must be as many"):
        TASK.load(
            parquet(
                {"text": ["London"], "answer_start": [25]}, {"text": ["Ada"], "answer_start": []}
            ),
            "de",
            "test",
        )


@dataclass(frozen=True)
class Shelf:
    """A supplier that has what tests put there, by the names of the hub."""

    root: Path

    def file(self, place: HubSplit) -> Path:
        return self.root / place.repository / f"{place.config}-{place.split}.parquet"

    def fetch(self, place: HubSplit) -> None:
        pass

    def has(self, place: HubSplit) -> bool:
        return self.file(place).is_file()


@pytest.fixture
def hub(tmp_path):
    """A source that stands for the hub, with questions about texts."""

    def publish(**contexts: list[str]) -> DataSource:
        supplier = Shelf(tmp_path)
        for split, texts in contexts.items():
            rows = [
                {
                    "question": f"{split} {number}?",
                    "context": text,
                    "answers": {"text": ["Ada"], "answer_start": [text.index("Ada")]},
                }
                for number, text in enumerate(texts)
            ]
            path = supplier.file(TASK.hub_split("en", split))
            path.parent.mkdir(parents=True, exist_ok=True)
            datasets.Dataset.from_list(rows).to_parquet(path)
        return DataSource(name="hub", root=tmp_path, supplier=supplier)

    return publish


def test_the_hubs_validation_is_without_the_test(hub, caplog):
    """XQuAD is of SQuAD's validation; white space may differ, and so may the questions."""
    source = hub(
        train=["Ada was.", "Ada is."],
        validation=["Ada was.", " Ada  is.", "Ada will be.", "Ada was."],
        test=["Ada was.", "Ada is."],
    )
    with caplog.at_level(logging.INFO):
        loaded = {split: TASK.load(source, "en", split) for split in SPLIT_FILES}
    assert [example.question for example in loaded["validation"]] == ["validation 2?"]
    assert {split: len(examples) for split, examples in loaded.items()} == {
        "train": 2,
        "validation": 1,
        "test": 2,
    }
    (message,) = caplog.messages
    assert message.endswith(
        "validation.parquet: 3 of 4 questions left out, their texts are in the English test"
    )


def test_something_must_be_left_to_validate_on(hub):
    source = hub(validation=["Ada was.", "Ada was."], test=["Ada was."])
    message = (
        r"validation\.parquet: must have a text that is not in the English test, got none in 2"
    )
    with pytest.raises(DataError, match=message):
        TASK.load(source, "en", "validation")


def test_without_the_test_the_hubs_validation_is_an_error(hub):
    with pytest.raises(MissingSplitError, match="'en' has no test split"):
        TASK.load(hub(validation=["Ada was."]), "en", "validation")


def test_a_folders_validation_is_read_as_it_is(write, source, squad_json):
    for file in ("dev", "test"):
        write(f"qa/en/{file}.json", squad_json(CONTEXT, *QUESTIONS))
    assert len(TASK.load(source, "en", "validation")) == len(QUESTIONS)
