"""Draws paragraphs of plain statements and questions that one statement of each answers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from tools.demo.grammar import Linearizer, Token
from tools.demo.logic import entails
from tools.demo.meaning import Clause, NounPhrase, Sentence
from tools.demo.plain import TOPICS, PlainClauses

Role: TypeAlias = Literal["subject", "object"]

ASKING: dict[Role, str] = {"subject": "who", "object": "what"}
"""The word that asks for each role, a concept key."""

_LENGTHS, _LENGTH_WEIGHTS = (3, 4), (3, 1)
_QUESTIONS = 2
_FEATURE, _PLACE = 0.2, 0.3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one statement of a paragraph.

    Attributes:
        statement: Its index in the paragraph.
        role: What is asked for.
    """

    statement: int
    role: Role


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Statements about different people and topics, and questions about them."""

    statements: tuple[Clause, ...]
    questions: tuple[Question, ...]

    def asked(self, question: Question) -> Clause:
        """Return the clause that asks: what is done and to what or by whom, but not where."""
        clause = replace(self.statements[question.statement], place=None)
        word = NounPhrase(ASKING[question.role])
        if question.role == "subject":
            return replace(clause, subject=word)
        return replace(clause, object=word)

    def fitting(self, question: Question) -> list[int]:
        """Return the indices of the statements that answer a question."""
        asked = self.asked(question)
        return [
            index
            for index, clause in enumerate(self.statements)
            if entails(replace(clause, **{question.role: getattr(asked, question.role)}), asked)
        ]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in a language.

    Attributes:
        words: The question's words.
        span: Where the answer's words are in the paragraph, `[start, end)`; None where they are
            not side by side in this language.
    """

    words: tuple[Token, ...]
    span: tuple[int, int] | None


class Paragraphs:
    """Draws paragraphs; the draws depend on nothing but the generator."""

    def __init__(self, generator: random.Random) -> None:
        """Prepare to draw."""
        self._generator = generator
        self._plain = PlainClauses(generator)

    def draw(self) -> Paragraph:
        """Draw a paragraph, its questions different from each other."""
        n = self._generator.choices(_LENGTHS, _LENGTH_WEIGHTS)[0]
        topics = self._plain.sample(tuple(dict.fromkeys(TOPICS.values())), n)
        people: list[NounPhrase] = []
        while len(people) < n:
            person = self._plain.person()
            people += [person] if person not in people else []
        statements = tuple(
            self._statement(self._plain.choose([v for v in TOPICS if TOPICS[v] == topic]), person)
            for topic, person in zip(topics, people, strict=True)
        )
        every = [Question(index, role) for index in range(n) for role in ASKING]
        return Paragraph(statements, tuple(self._plain.sample(every, _QUESTIONS)))

    def _statement(self, verb: str, person: NounPhrase) -> Clause:
        clause = self._plain.action(verb, person)
        for modifier, rate in (("feature", _FEATURE), ("place", _PLACE)):
            if self._plain.chance(rate):
                clause = self._plain.modified(clause, modifier)
        return clause


def say(paragraph: Paragraph, linearizer: Linearizer) -> tuple[tuple[Token, ...], list[Asked]]:
    """Return a paragraph's words in a language, and its questions."""
    sentences = [linearizer.sentence(Sentence(clause)) for clause in paragraph.statements]
    starts = [sum(map(len, sentences[:index])) for index in range(len(sentences))]
    asked = []
    for question in paragraph.questions:
        words = linearizer.sentence(Sentence(paragraph.asked(question), "question"))
        span = _span(sentences[question.statement], question.role)
        start = starts[question.statement]
        asked.append(Asked(words, span and (span[0] + start, span[1] + start)))
    return tuple(token for sentence in sentences for token in sentence), asked


def _span(tokens: Sequence[Token], role: Role) -> tuple[int, int] | None:
    """Find the words of a role, without the marker of its case, if they are side by side."""
    path = f"main.{role}."
    places = [
        index
        for index, token in enumerate(tokens)
        if token.node.startswith(path) and token.node != f"{path}marker"
    ]
    contiguous = places == list(range(places[0], places[-1] + 1))
    return (places[0], places[-1] + 1) if contiguous else None
