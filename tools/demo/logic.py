"""What follows from what, between the meanings of plain clauses.

Phrases refer: "the old teacher" is the teacher, whether or not the clause is denied, so that
a phrase may always lose a quality or an owner.  What says when, where or how narrows a clause:
it may be left out of what is stated, and put into what is denied.  Only clauses without
modals, quantifiers, degrees, conjunctions and subclauses are plain.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from tools.demo.meaning import Clause, Nominal, NounPhrase, Quality

Relation: TypeAlias = Literal["entailment", "neutral", "contradiction"]

_OPPOSITE_PAIRS = (
    ("good", "bad"),
    ("big", "small"),
    ("old", "new"),
    ("clean", "dirty"),
    ("cheap", "expensive"),
    ("heavy", "light.a"),
    ("white", "black"),
    ("fast", "slow"),
    ("hot", "cold"),
)
OPPOSITES: Mapping[str, str] = MappingProxyType(
    {one: other for pair in _OPPOSITE_PAIRS for one, other in (pair, pair[::-1])}
)
"""Adjectives that cannot both be true of one thing, both ways."""


def relation(premise: Clause, hypothesis: Clause) -> Relation:
    """Whether a plain clause entails another one, contradicts it, or leaves it open."""
    if entails(premise, hypothesis):
        return "entailment"
    return "contradiction" if contradicts(premise, hypothesis) else "neutral"


def entails(premise: Clause, hypothesis: Clause) -> bool:
    """Whether a plain clause can only be true where another one is."""
    if (premise.verb, premise.negated) != (hypothesis.verb, hypothesis.negated):
        return False
    wide, narrow = (premise, hypothesis) if premise.negated else (hypothesis, premise)
    return (
        says_of(premise.subject, hypothesis.subject)
        and says_of(premise.object, hypothesis.object)
        and premise.predicate == hypothesis.predicate
        and wide.time in (None, narrow.time)
        and wide.place in (None, narrow.place)
    )


def contradicts(premise: Clause, hypothesis: Clause) -> bool:
    """Whether two plain clauses cannot both be true; symmetric."""
    return any(
        contrary is not None and entails(one, contrary)
        for one, other in ((premise, hypothesis), (hypothesis, premise))
        for contrary in (denied(other), opposed_to(other))
    )


def denied(clause: Clause) -> Clause:
    """Return the clause with its negation flipped."""
    return replace(clause, negated=not clause.negated)


def opposed_to(clause: Clause) -> Clause | None:
    """Return the clause with the opposite quality as predicate, if there is one."""
    quality = clause.predicate
    if not isinstance(quality, Quality) or quality.adjective not in OPPOSITES or clause.negated:
        return None
    return replace(clause, predicate=Quality(OPPOSITES[quality.adjective], quality.degree))


def says_of(phrase: Nominal | None, other: Nominal | None) -> bool:
    """Whether a phrase says of its referent all that another one does."""
    if not isinstance(phrase, NounPhrase) or not isinstance(other, NounPhrase):
        return phrase == other
    return (
        replace(phrase, qualities=(), owner=None) == replace(other, qualities=(), owner=None)
        and set(other.qualities) <= set(phrase.qualities)
        and other.owner in (None, phrase.owner)
    )
