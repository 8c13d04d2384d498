"""The written pairs and questions: balanced, the same in every language, in known formats."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from alignfreeze.contracts import DataSource
from alignfreeze.data.finding import ENCODER
from alignfreeze_tasks.nli import NaturalLanguageInference
from tools.demo import LANGUAGES, understanding
from tools.demo.meaning import Clause, Name, NounPhrase
from tools.demo.questions import Paragraph, Question

SIZES = {"train": 1500, "dev": 120, "test": 240}
QUESTIONS = {"train": 1200, "dev": 120, "test": 240}


def _splits(language: str) -> list[str]:
    return [split for split in SIZES if language == "en" or split != "train"]


def _pairs(corpus: Path, language: str, split: str) -> list[list[str]]:
    text = (corpus / "nli" / language / f"{split}.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


def _paragraphs(corpus: Path, language: str, split: str) -> list[dict[str, Any]]:
    text = (corpus / "qa" / language / f"{split}.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["version"] == "1.1"
    return [paragraph for document in content["data"] for paragraph in document["paragraphs"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_balanced_and_the_same_in_every_language(corpus: Path, language: str) -> None:
    for split in _splits(language):
        labels = [label for _, _, label in _pairs(corpus, language, split)]
        assert set(Counter(labels).values()) == {SIZES[split] // 3}
        assert labels == [label for _, _, label in _pairs(corpus, "en", split)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_pair_is_written_twice(corpus: Path, language: str) -> None:
    pairs = [tuple(p[:2]) for split in _splits(language) for p in _pairs(corpus, language, split)]
    assert len(set(pairs)) == len(pairs) == sum(SIZES[split] for split in _splits(language))


def test_no_word_of_the_hypothesis_gives_the_label_away(corpus: Path) -> None:
    words: dict[str, Counter[str]] = {}
    for _, hypothesis, label in _pairs(corpus, "en", "train"):
        for word in set(hypothesis.split(" ")):
            words.setdefault(word, Counter())[label] += 1
    common = {word: labels for word, labels in words.items() if labels.total() >= 150}
    assert {"not", "the", "today"} <= set(common)
    for word, labels in common.items():
        assert max(labels.values()) < 0.45 * labels.total(), word


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_task_reads_the_pairs(corpus: Path, language: str) -> None:
    source = DataSource(name="demo", root=corpus)
    examples = NaturalLanguageInference().load(source, language, "test")
    assert len(examples) == SIZES["test"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_are_where_they_are_said_to_be(corpus: Path, language: str) -> None:
    for split in _splits(language):
        paragraphs = _paragraphs(corpus, language, split)
        assert sum(len(paragraph["qas"]) for paragraph in paragraphs) == QUESTIONS[split]
        for paragraph in paragraphs:
            context = paragraph["context"]
            for entry in paragraph["qas"]:
                (answer,) = entry["answers"]
                start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                assert context[start:end] == answer["text"]
                # Of whole words: the tokens are what stands between spaces.
                assert f" {answer['text']} " in f" {context[max(start - 1, 0) : end + 1]} "


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_correspond_across_languages(corpus: Path, language: str) -> None:
    def ids(code: str) -> list[list[str]]:
        return [[e["id"] for e in p["qas"]] for p in _paragraphs(corpus, code, "test")]

    identifiers = ids(language)
    assert identifiers == ids("en")
    flat = [name for names in identifiers for name in names]
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_paragraph_is_written_twice(corpus: Path, language: str) -> None:
    contexts = [
        p["context"] for split in _splits(language) for p in _paragraphs(corpus, language, split)
    ]
    assert len(set(contexts)) == len(contexts)


def test_a_paragraph_that_sounds_as_another_is_drawn_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person and a firm of one name: two meanings, one text."""
    drawn = [
        _paragraph(NounPhrase(Name("PER", ("Maria",)))),
        _paragraph(NounPhrase(Name("ORG", ("Maria",)))),
        _paragraph(NounPhrase("teacher", "the")),
        _paragraph(NounPhrase("teacher", "the")),
        _paragraph(NounPhrase("student", "the")),
    ]
    monkeypatch.setattr(understanding.Paragraphs, "draw", lambda _: drawn.pop(0))
    monkeypatch.setattr(understanding, "_PARAGRAPHS", dict.fromkeys(SIZES, 1))
    understanding.write_questions(tmp_path / "qa", "any")
    assert [_paragraphs(tmp_path, "en", split)[0]["context"] for split in SIZES] == [
        "Maria eat the bread .",
        "the teacher eat the bread .",
        "the student eat the bread .",
    ]


def _paragraph(person: NounPhrase) -> Paragraph:
    clause = Clause("eat.v", person, object=NounPhrase("bread", "the"))
    return Paragraph((clause,), (Question(0, "object"),))


@pytest.mark.parametrize("language", LANGUAGES)
def test_paragraph_and_question_fit_the_encoder(corpus: Path, language: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(ENCODER)
    paragraphs = _paragraphs(corpus, language, "test")
    pairs = [(e["question"], p["context"]) for p in paragraphs for e in p["qas"]]
    encoded = tokenizer([q for q, _ in pairs], [c for _, c in pairs])["input_ids"]
    assert max(len(ids) for ids in encoded) <= 128
