"""Paragraphs and questions: one statement answers each, by words that stand together."""

import random
from dataclasses import replace

import pytest

from tools.demo import LANGUAGES
from tools.demo.grammar import Linearizer
from tools.demo.meaning import Adjunct, Clause, Name, NounPhrase, Quality
from tools.demo.questions import Paragraph, Paragraphs, Question, say

MARIA = NounPhrase(Name("PER", ("Maria",)))
STATEMENTS = (
    Clause(
        "read.v",
        NounPhrase("teacher", "the"),
        object=NounPhrase("book", "the", qualities=(Quality("old"),)),
        place=Adjunct("in", NounPhrase(Name("LOC", ("Athens",)))),
    ),
    Clause("eat.v", MARIA, object=NounPhrase("bread", "the")),
)
PARAGRAPH = Paragraph(STATEMENTS, (Question(0, "object"), Question(1, "subject")))


def _drawn(n: int = 100) -> list[Paragraph]:
    paragraphs = Paragraphs(random.Random(5))
    return [paragraphs.draw() for _ in range(n)]


@pytest.mark.parametrize(
    ("language", "questions", "answers"),
    [
        ("en", ["what do the teacher read ?", "who eat the bread ?"], ["the old book", "Maria"]),
        ("de", ["was lesen der Lehrer ?", "wer essen der Brot ?"], ["der alt Buch", "Maria"]),
        ("tr", ["öğretmen ne okumak ?", "kim ekmek yemek ?"], ["eski kitap", "Maria"]),
        ("zh", ["老师 读 什么 ？", "谁 吃 面包 ？"], ["旧 书", "玛丽亚"]),
    ],
)
def test_what_is_asked_and_answered(
    language: str, questions: list[str], answers: list[str]
) -> None:
    words, asked = say(PARAGRAPH, Linearizer(language))
    forms = [token.form for token in words]
    assert [" ".join(token.form for token in one.words) for one in asked] == questions
    assert [" ".join(forms[slice(*one.span)]) for one in asked if one.span] == answers


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_is_every_word_of_its_role(language: str) -> None:
    linearizer = Linearizer(language)
    for paragraph in _drawn(40):
        words, asked = say(paragraph, linearizer)
        for question, one in zip(paragraph.questions, asked, strict=True):
            assert one.span is not None
            nodes = [token.node for token in words[slice(*one.span)]]
            assert all(node.startswith(f"main.{question.role}.") for node in nodes)
            phrase = getattr(paragraph.statements[question.statement], question.role)
            assert any(node.startswith(f"main.{question.role}.head") for node in nodes)
            assert sum("adjective" in node for node in nodes) == len(phrase.qualities)


def test_one_statement_fits_each_question() -> None:
    for paragraph in _drawn():
        for question in paragraph.questions:
            assert paragraph.fitting(question) == [question.statement]


def test_a_second_statement_that_fits_is_found() -> None:
    same_verb = replace(STATEMENTS[1], subject=NounPhrase("teacher", "the"))
    other_object = replace(STATEMENTS[1], object=NounPhrase("rice", "the"))
    paragraph = Paragraph((*STATEMENTS, same_verb, other_object), (Question(1, "subject"),))
    assert paragraph.fitting(Question(1, "subject")) == [1, 2]
    assert paragraph.fitting(Question(1, "object")) == [1, 3]


def test_paragraphs_have_three_or_four_statements() -> None:
    assert {len(paragraph.statements) for paragraph in _drawn()} == {3, 4}


def test_paragraphs_are_about_different_people_and_things() -> None:
    for paragraph in _drawn():
        clauses = paragraph.statements
        assert len({clause.subject for clause in clauses}) == len(clauses)
        assert len({clause.verb for clause in clauses}) == len(clauses)
        assert len(set(paragraph.questions)) == len(paragraph.questions)


def test_an_answer_in_pieces_has_no_span() -> None:
    # Nobody says it so; a linearizer that puts the verb within its subject does.
    class Splitting(Linearizer):
        def sentence(self, sentence):  # type: ignore[no-untyped-def]
            tokens = super().sentence(sentence)
            return (tokens[0], *tokens[2:], tokens[1])

    _, (asked, _) = say(
        replace(PARAGRAPH, questions=(Question(0, "subject"), Question(1, "subject"))),
        Splitting("en"),
    )
    assert asked.span is None


def test_equal_seeds_draw_equal_paragraphs() -> None:
    assert _drawn(20) == _drawn(20)
