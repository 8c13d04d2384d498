"""Draws plain clauses: one verb, definite phrases and names, nothing that counts or hedges.

No noun is a broader word for another one here, as "woman" is for "mother", and no verb follows
from another: clauses with different words are about different facts.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from tools.demo.lexicon import load_lexicon
from tools.demo.logic import OPPOSITES
from tools.demo.meaning import Adjunct, Clause, Name, Nominal, NounPhrase, Quality
from tools.demo.phrases import ADJECTIVE_KINDS

_Option = TypeVar("_Option")

_FOOD = ("bread", "apple", "rice", "meat", "cheese", "egg", "soup", "cake")
_DRINKS = ("milk", "tea", "coffee", "wine", "beer")
_TEXTS = ("book", "letter", "newspaper", "story", "poem", "report")
_CLOTHES = ("shirt", "shoe", "hat", "coat")
_OPENINGS = ("door", "window", "box", "bag")
_FURNITURE = ("table", "chair", "knife", "lamp")
_FLORA = ("tree", "flower")

TOPICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "eat.v": _FOOD,
        "cook.v": _FOOD,
        "drink.v": _DRINKS,
        "read.v": _TEXTS,
        "write.v": _TEXTS,
        "wear.v": _CLOTHES,
        "wash.v": _CLOTHES,
        "drive.v": ("car", "bus", "train", "ship"),
        "open.v": _OPENINGS,
        "break.v": _FURNITURE,
        "plant.v": _FLORA,
        "water.v": _FLORA,
    }
)
"""What each verb is done to; verbs of one topic share the whole tuple, others nothing."""

_ACTS = ("sleep.v", "run.v", "laugh.v", "cry.v", "swim.v", "fall.v")
_THINGS = tuple(dict.fromkeys(noun for nouns in TOPICS.values() for noun in nouns))
_GIVEN_NAMES = ("Maria", "Anna", "David", "Omar", "Elena", "Ivan", "Ahmed", "Sofia", "Peter")
_PEOPLE = (
    *("teacher", "doctor", "friend", "mother", "father", "brother", "sister", "student"),
    *("farmer", "singer"),
)
_TOWNS = ("Berlin", "Madrid", "Moscow", "Athens", "Ankara", "Delhi", "Cairo", "Beijing")
_TIMES = ("today", "tomorrow", "now")
# No two of these exclude each other: with "old" and "new", a reader could tell two cars apart.
_TRAITS = ("old", "strong", "happy", "tired", "clever", "rich")
_FEATURES = ("good", "big", "old", "beautiful", "strange")
_NAMED = 0.4
_KINDS, _KIND_WEIGHTS = ("action", "act", "state"), (6, 2, 2)

Modifier: TypeAlias = str
"""Where something may be added: `trait` (of the subject), `feature` (of the object), `owner`
(of the subject of a state), `time` or `place`."""


def modifiers(clause: Clause) -> tuple[Modifier, ...]:
    """Name the modifiers that a plain clause has."""
    present = {
        "trait": _qualified(clause.subject),
        "feature": _qualified(clause.object),
        "owner": isinstance(clause.subject, NounPhrase) and clause.subject.owner is not None,
        "time": clause.time is not None,
        "place": clause.place is not None,
    }
    return tuple(name for name, there in present.items() if there)


def without(clause: Clause, modifier: Modifier) -> Clause:
    """Return a plain clause without one of its modifiers."""
    if modifier == "time":
        return replace(clause, time=None)
    if modifier == "place":
        return replace(clause, place=None)
    if modifier == "feature":
        return replace(clause, object=_bare(clause.object))
    return replace(clause, subject=_bare(clause.subject))


class PlainClauses:
    """Draws plain clauses and changes to them; the draws depend on nothing but the generator."""

    def __init__(self, generator: random.Random) -> None:
        """Prepare to draw."""
        self._generator = generator

    def clause(self) -> Clause:
        """Draw a clause without modifiers: an action, an act or a state."""
        kind = self._generator.choices(_KINDS, _KIND_WEIGHTS)[0]
        if kind == "action":
            return self.action(self.choose(tuple(TOPICS)), self.person())
        if kind == "act":
            return Clause(self.choose(_ACTS), self.person())
        thing = self.choose(_THINGS)
        return Clause("be", NounPhrase(thing, "the"), predicate=self._state(thing))

    def action(self, verb: str, subject: NounPhrase) -> Clause:
        """Draw what somebody does to something."""
        return Clause(verb, subject, object=NounPhrase(self.choose(TOPICS[verb]), "the"))

    def person(self) -> NounPhrase:
        """Draw somebody: a name or a noun."""
        if self.chance(_NAMED):
            return NounPhrase(Name("PER", (self.choose(_GIVEN_NAMES),)))
        return NounPhrase(self.choose(_PEOPLE), "the")

    def addable(self, clause: Clause) -> tuple[Modifier, ...]:
        """Name the modifiers that make a clause stronger and that it has not yet."""
        if clause.verb == "be":
            fitting: tuple[Modifier, ...] = ("owner",) if clause.negated else ("owner", "time")
        else:
            named = isinstance(clause.subject, NounPhrase) and isinstance(clause.subject.head, Name)
            fitting = () if named else ("trait",)
            fitting += ("feature",) if clause.object is not None else ()
            fitting += () if clause.negated else ("time", "place")
        return tuple(name for name in fitting if name not in modifiers(clause))

    def modified(self, clause: Clause, modifier: Modifier) -> Clause:
        """Draw a modifier of this sort and add it to a clause that has none."""
        changes: Mapping[Modifier, Callable[[], Clause]] = {
            "trait": lambda: replace(clause, subject=self._described(clause.subject, _TRAITS)),
            "feature": lambda: replace(clause, object=self._described(clause.object, _FEATURES)),
            "owner": lambda: replace(clause, subject=self._owned(clause.subject)),
            "time": lambda: replace(clause, time=self.choose(_TIMES)),
            "place": lambda: replace(clause, place=self._town()),
        }
        return changes[modifier]()

    def altered(self, clause: Clause) -> Clause:
        """Draw a clause about another fact: another subject, object or state in its place."""
        if clause.verb == "be":
            assert isinstance(clause.subject, NounPhrase)
            things = [noun for noun in _THINGS if noun != clause.subject.head]
            return replace(clause, subject=replace(clause.subject, head=self.choose(things)))
        if clause.object is not None and self.chance(0.5):
            assert isinstance(clause.object, NounPhrase)
            things = [noun for noun in TOPICS[clause.verb] if noun != clause.object.head]
            return replace(clause, object=replace(clause.object, head=self.choose(things)))
        return replace(clause, subject=self._somebody_else(clause.subject))

    def chance(self, probability: float) -> bool:
        """Return whether something happens that does so with this probability."""
        return self._generator.random() < probability

    def choose(self, options: Sequence[_Option]) -> _Option:
        """Draw one of the options, evenly."""
        return self._generator.choice(options)

    def sample(self, options: Sequence[_Option], n: int) -> list[_Option]:
        """Draw `n` different options, evenly."""
        return self._generator.sample(options, n)

    def _state(self, thing: str) -> Quality:
        """Draw one of the qualities that suit a thing and have an opposite."""
        concepts = load_lexicon().concepts
        suitable = ("any", ADJECTIVE_KINDS.get(concepts[thing].kind))
        return Quality(self.choose([a for a in OPPOSITES if concepts[a].kind in suitable]))

    def _somebody_else(self, subject: Nominal | None) -> NounPhrase:
        assert isinstance(subject, NounPhrase)
        other = subject
        while other.head == subject.head:
            other = self.person()
        named = isinstance(other.head, Name)
        return other if named else replace(other, qualities=subject.qualities)

    def _described(self, phrase: Nominal | None, adjectives: Sequence[str]) -> NounPhrase:
        assert isinstance(phrase, NounPhrase)
        return replace(phrase, qualities=(Quality(self.choose(adjectives)),))

    def _owned(self, phrase: Nominal | None) -> NounPhrase:
        assert isinstance(phrase, NounPhrase)
        return replace(phrase, owner=self.person())

    def _town(self) -> Adjunct:
        return Adjunct("in", NounPhrase(Name("LOC", (self.choose(_TOWNS),))))


def _qualified(phrase: Nominal | None) -> bool:
    return isinstance(phrase, NounPhrase) and bool(phrase.qualities)


def _bare(phrase: Nominal | None) -> NounPhrase:
    assert isinstance(phrase, NounPhrase)
    return replace(phrase, qualities=(), owner=None)
