"""Draws phrases of the demo's world: things with their qualities, people, places and names."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from types import MappingProxyType
from typing import TypeVar

from tools.demo.lexicon import load_lexicon
from tools.demo.meaning import Adjunct, Coordination, Name, NounPhrase, Quality

_Option = TypeVar("_Option")

ADJECTIVE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "person": "being",
        "animal": "being",
        "vehicle": "moving",
        "food": "edible",
        "drink": "edible",
        "place": "place",
        "thing": "object",
        "clothes": "object",
        "text": "object",
    }
)
_DETERMINERS = ("the", "a", "this", "that", "every", "some")
_DETERMINER_WEIGHTS = (12, 7, 3, 2, 1, 1)
_SCENERY = ("thing", "flora", "nature", "vehicle")


class Phrases:
    """Draws phrases, by chances that depend on nothing but the generator and the lexicon."""

    def __init__(self, generator: random.Random, *, name_rate: float) -> None:
        """Prepare to draw.

        Args:
            generator: Source of every draw.
            name_rate: Chance in `[0, 1]` that a phrase that could be a name is one.

        Raises:
            ValueError: If the rate is out of range.
        """
        if not 0 <= name_rate <= 1:
            raise ValueError(f"name_rate must be in [0, 1], got {name_rate}")
        self.name_rate = name_rate
        self._generator = generator
        self._pools: dict[tuple[str, str], tuple[tuple[str, ...], list[float]]] = {}

    def person(self) -> NounPhrase:
        """Draw somebody: a name, a pronoun or a noun."""
        if self.chance(self.name_rate):
            return NounPhrase(self._person_name())
        if self.chance(0.3):
            return NounPhrase(self.pick("PRON", "personal"))
        return self.noun_phrase("person")

    def noun_phrase(self, kind: str, *, lean: bool = False) -> NounPhrase:
        """Draw a phrase about a kind of noun; a lean one has no adjective and no owner."""
        phrase = NounPhrase(self.pick("NOUN", kind))
        if self.chance(0.16):
            numeral = self.pick("NUM", "cardinal")
            determiner = "the" if self.chance(0.3) else None
            phrase = replace(phrase, numeral=numeral, determiner=determiner)
        elif self.chance(0.15):
            phrase = replace(phrase, possessive=self.pick("PRON", "possessive"))
        elif self.chance(0.93):
            determiner = self.choose(_DETERMINERS, _DETERMINER_WEIGHTS)
            phrase = replace(phrase, determiner=determiner)
        if lean:
            return phrase
        if self.chance(0.32):
            phrase = replace(phrase, qualities=self._qualities(kind))
        if self.chance(0.1):
            phrase = replace(phrase, owner=self._owner())
        return phrase

    def place_phrase(self) -> NounPhrase:
        """Draw where one can go: a place, a location or an organisation."""
        if not self.chance(self.name_rate):
            return self.noun_phrase("place", lean=self.chance(0.7))
        return NounPhrase(self.organisation() if self.chance(0.3) else self.location_name())

    def location(self) -> Adjunct | str:
        """Draw where something happens."""
        if self.chance(0.15):
            return self.pick("ADV", "where")
        if self.chance(0.7):
            return Adjunct(self.choose(("in", "near", "behind"), (5, 2, 1)), self.place_phrase())
        scenery = self.noun_phrase(self.choose(_SCENERY), lean=True)
        return Adjunct(self.choose(("on", "under", "near", "behind")), scenery)

    def coordination(self, first: NounPhrase, kind: str) -> Coordination:
        """Join a phrase with another of the same kind and a different head."""
        second = first
        while second.head == first.head:
            second = self.person() if kind == "person" else self.noun_phrase(kind, lean=True)
        return Coordination(self.choose(("and", "or"), (4, 1)), first, second)

    def quality(self, kind: str) -> Quality:
        """Draw an adjective that suits a kind of noun."""
        own_kind = ADJECTIVE_KINDS.get(kind, "any")
        adjective = self.pick("ADJ", own_kind if self.chance(0.6) else "any")
        return Quality(adjective, self.maybe("ADV", "degree", 0.25))

    def _qualities(self, kind: str) -> tuple[Quality, ...]:
        first, second = self.quality(kind), self.quality(kind)
        several = first.adjective != second.adjective and self.chance(0.2)
        return (first, Quality(second.adjective)) if several else (first,)

    def _owner(self) -> NounPhrase:
        if self.chance(self.name_rate):
            return NounPhrase(self._person_name())
        return self.noun_phrase("person", lean=True)

    def _person_name(self) -> Name:
        given, family = self.pick("PROPN", "given"), self.pick("PROPN", "family")
        parts = self.choose(((given, family), (given,), (family,)), (5, 4, 2))
        return Name("PER", parts)

    def location_name(self) -> Name:
        """Draw the name of a location."""
        town, country = self.pick("PROPN", "town"), self.pick("PROPN", "country")
        if self.chance(0.35):
            return Name("LOC", (self.pick("PROPN", "land"), self.choose((town, country))), "of")
        return Name("LOC", (self.choose((town, country), (3, 2)),))

    def organisation(self) -> Name:
        """Draw the name of an organisation."""
        if self.chance(0.3):
            return Name("ORG", (self.pick("PROPN", "brand"),))
        firm = self.pick("PROPN", "firm")
        if self.chance(0.3):
            return Name("ORG", (firm, self.pick("PROPN", "family")), "compound")
        place = self.pick("PROPN", self.choose(("town", "country"), (3, 1)))
        return Name("ORG", (firm, place), "of")

    def chance(self, probability: float) -> bool:
        """Return whether something happens that does so with this probability."""
        return self._generator.random() < probability

    def choose(self, options: Sequence[_Option], weights: Sequence[float] | None = None) -> _Option:
        """Draw one of the options, evenly or by weight."""
        return self._generator.choices(options, weights)[0]

    def pick(self, upos: str, kind: str) -> str:
        """Draw a concept; as in real text, the first of the lexicon are the commoner."""
        pool = self._pools.get((upos, kind))
        if pool is None:
            keys = load_lexicon().of_kind(upos, kind)
            pool = keys, list(accumulate(1 / (rank + 2) for rank in range(len(keys))))
            self._pools[upos, kind] = pool
        keys, cumulative_weights = pool
        return self._generator.choices(keys, cum_weights=cumulative_weights)[0]

    def maybe(self, upos: str, kind: str, chance: float) -> str | None:
        """Draw a concept with this chance, else nothing."""
        return self.pick(upos, kind) if self.chance(chance) else None
