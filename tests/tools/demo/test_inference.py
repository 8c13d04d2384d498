"""Premises and hypotheses: what follows from what, and that the label is nowhere else."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from tools.demo.inference import LABELS, Inference, Inferences
from tools.demo.lexicon import load_lexicon
from tools.demo.logic import OPPOSITES, Relation, contradicts, denied, entails, relation
from tools.demo.meaning import Adjunct, Clause, NounPhrase, Quality
from tools.demo.plain import TOPICS, PlainClauses, modifiers, without

TEACHER = NounPhrase("teacher", "the")
OLD_TEACHER = NounPhrase("teacher", "the", qualities=(Quality("old"),))
READS = Clause("read.v", TEACHER, object=NounPhrase("book", "the"))
OLD_READS = replace(READS, subject=OLD_TEACHER)
READS_TODAY = replace(READS, time="today")
READS_THERE = replace(READS, place=Adjunct("in", NounPhrase("school", "the")))
BIG = Clause("be", NounPhrase("car", "the"), predicate=Quality("big"))
SMALL = replace(BIG, predicate=Quality("small"))


@pytest.mark.parametrize(
    ("premise", "hypothesis", "expected"),
    [
        (OLD_READS, READS, "entailment"),
        (READS, OLD_READS, "neutral"),
        (denied(OLD_READS), denied(READS), "entailment"),
        (READS_TODAY, READS, "entailment"),
        (READS, READS_THERE, "neutral"),
        (denied(READS), denied(READS_TODAY), "entailment"),
        (denied(READS_TODAY), denied(READS), "neutral"),
        (READS, denied(READS), "contradiction"),
        (READS_TODAY, denied(READS), "contradiction"),
        (READS, denied(READS_TODAY), "neutral"),
        (denied(READS), READS_THERE, "contradiction"),
        (BIG, SMALL, "contradiction"),
        (denied(BIG), SMALL, "neutral"),
        (READS, replace(READS, verb="write.v"), "neutral"),
        (READS, denied(replace(READS, subject=NounPhrase("doctor", "the"))), "neutral"),
    ],
)
def test_the_relation_of_two_clauses(
    premise: Clause, hypothesis: Clause, expected: Relation
) -> None:
    assert relation(premise, hypothesis) == expected


def _drawn(n: int = 600) -> list[Inference]:
    inferences = Inferences(random.Random(3))
    return [inferences.draw(label) for _ in range(n) for label in LABELS]


def test_every_label_is_what_the_meanings_say() -> None:
    for inference in _drawn():
        assert relation(inference.premise, inference.hypothesis) == inference.label


def test_what_is_entailed_only_lacks_modifiers_of_its_premise() -> None:
    for inference in _drawn():
        if inference.label != "entailment":
            continue
        premise = inference.premise
        extra = set(modifiers(premise)) - set(modifiers(inference.hypothesis))
        assert extra
        for modifier in extra:
            premise = without(premise, modifier)
        assert premise == inference.hypothesis


def test_contradiction_is_symmetric_and_entailment_of_each_other_is_equality() -> None:
    for inference in _drawn():
        premise, hypothesis = inference.premise, inference.hypothesis
        assert contradicts(premise, hypothesis) == contradicts(hypothesis, premise)
        if entails(premise, hypothesis) and entails(hypothesis, premise):
            assert premise == hypothesis


def test_the_hypothesis_has_the_same_form_whatever_the_label() -> None:
    forms = {label: Counter[object]() for label in LABELS}
    for inference in _drawn():
        clause = inference.hypothesis
        forms[inference.label].update(
            [("denied", clause.negated), ("verb", clause.verb == "be"), *modifiers(clause)]
        )
    for form in set().union(*forms.values()):
        rates = [forms[label][form] / 600 for label in LABELS]
        assert max(rates) - min(rates) < 0.1, form
    assert all(0.3 < forms[label]["denied", True] / 600 < 0.7 for label in LABELS)


def test_contradictions_are_of_both_kinds() -> None:
    kinds = Counter(
        inference.premise.negated != inference.hypothesis.negated
        for inference in _drawn()
        if inference.label == "contradiction"
    )
    assert kinds[True] > kinds[False] > 10


def test_opposites_are_adjectives_both_ways() -> None:
    concepts = load_lexicon().concepts
    for one, other in OPPOSITES.items():
        assert concepts[one].upos == concepts[other].upos == "ADJ"
        assert OPPOSITES[other] == one != other


def test_topics_share_no_noun() -> None:
    topics = set(TOPICS.values())
    nouns = [noun for topic in topics for noun in topic]
    assert len(set(nouns)) == len(nouns)
    assert {load_lexicon().concepts[noun].upos for noun in nouns} == {"NOUN"}


def test_another_fact_is_not_settled() -> None:
    plain = PlainClauses(random.Random(4))
    for _ in range(300):
        clause = plain.clause()
        assert relation(plain.altered(clause), clause) == "neutral"


def test_equal_seeds_draw_equal_inferences() -> None:
    assert _drawn(50) == _drawn(50)
