"""The demo's small world: who does what to what, and how often; it draws meanings at random.

Selection is what makes the languages comparable: whatever the language, bread is eaten and
letters are written, and some things are talked about more than others.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from tools.demo.lexicon import load_lexicon
from tools.demo.meaning import (
    Adjunct,
    Clause,
    Coordination,
    Link,
    Name,
    Nominal,
    NounPhrase,
    Sentence,
)
from tools.demo.phrases import ADJECTIVE_KINDS, Phrases

_BEINGS = ("person", "person", "animal")
_THINGS = ("thing", "food", "clothes", "text", "vehicle")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a class of verbs goes with.

    Attributes:
        subjects: Kinds of nouns that act; a kind that is repeated acts more often.
        objects: Kinds of nouns that are acted on, none for intransitive verbs.
        organisations_act: Whether a bank or a museum may be the subject.
    """

    subjects: tuple[str, ...]
    objects: tuple[str, ...] = ()
    organisations_act: bool = False


_FRAMES: Mapping[str, _Frame] = MappingProxyType(
    {
        "act": _Frame(_BEINGS),
        "stay": _Frame(_BEINGS),
        "go": _Frame((*_BEINGS, "vehicle")),
        "food": _Frame(_BEINGS, ("food",)),
        "drink": _Frame(_BEINGS, ("drink",)),
        "text": _Frame(("person",), ("text",)),
        "goods": _Frame(("person",), (*_THINGS, "animal"), organisations_act=True),
        "thing": _Frame(("person",), ("thing", "thing", "vehicle")),
        "wear": _Frame(("person",), ("clothes",)),
        "vehicle": _Frame(("person",), ("vehicle",)),
        "nature": _Frame(("person",), ("flora",)),
        "being": _Frame(_BEINGS, _BEINGS),
        "idea": _Frame(("person",), ("idea", "idea", "text"), organisations_act=True),
        "give": _Frame(("person",), ("thing", "text", "food", "clothes"), organisations_act=True),
        "say": _Frame(("person",), organisations_act=True),
    }
)
_VERB_KINDS = tuple(_FRAMES)
_VERB_KIND_WEIGHTS = (6, 5, 6, 5, 3, 4, 7, 4, 2, 2, 2, 9, 4, 6, 5)
_ADVERBIAL = ("because", "when", "if", "although", "while")


class World:
    """Draws meanings.

    The draws depend on nothing but the generator and the lexicon.
    """

    def __init__(self, generator: random.Random, *, name_rate: float) -> None:
        """Prepare to draw.

        Args:
            generator: Source of every draw.
            name_rate: Chance in `[0, 1]` that a phrase that could be a name is one.

        Raises:
            ValueError: If the rate is out of range.
        """
        self._phrases = Phrases(generator, name_rate=name_rate)

    def sentence(self) -> Sentence:
        """Draw a sentence."""
        interjection = self._phrases.pick("INTJ", "reply") if self._phrases.chance(0.08) else None
        kind = self._phrases.choose(("plain", "linked", "question"), (60, 20, 20))
        if kind == "question":
            return Sentence(self._question(), "question", interjection)
        main = self._clause(simple=kind == "linked")
        link = self._link() if kind == "linked" else None
        exclaimed = interjection is not None and self._phrases.chance(0.4)
        return Sentence(main, "exclamation" if exclaimed else "statement", interjection, link)

    def _link(self) -> Link:
        clause = self._clause(simple=True)
        if self._phrases.chance(0.5):
            return Link(self._phrases.choose(("and", "but", "or"), (3, 3, 1)), clause)
        return Link(
            self._phrases.choose(_ADVERBIAL, (4, 3, 2, 2, 1)), clause, self._phrases.chance(0.35)
        )

    def _question(self) -> Clause:
        clause = self._clause(simple=True)
        asked = self._phrases.choose(("subject", "object", "which", "whole"), (25, 20, 15, 40))
        if asked == "subject" and clause.verb != "be":
            return replace(clause, subject=NounPhrase("who"))
        if asked == "object" and clause.object is not None:
            return replace(clause, object=NounPhrase("what"))
        if asked == "which" and clause.object is not None:
            return replace(clause, object=self._which(clause.object))
        return clause

    def _which(self, phrase: Nominal) -> Nominal:
        if isinstance(phrase, Coordination) or isinstance(phrase.head, Name):
            return phrase
        if load_lexicon().concepts[phrase.head].upos != "NOUN":
            return phrase
        return NounPhrase(phrase.head, "which", qualities=phrase.qualities)

    def _clause(self, *, simple: bool) -> Clause:
        clause = (
            self._copular_clause() if self._phrases.chance(0.17) else self._verbal_clause(simple)
        )
        return replace(
            clause,
            auxiliary=self._phrases.maybe("AUX", "modal", 0.3),
            negated=self._phrases.chance(0.18),
            time=self._phrases.maybe("ADV", "time", 0.2),
        )

    def _copular_clause(self) -> Clause:
        kind = self._phrases.choose((*ADJECTIVE_KINDS, "idea"))
        subject = self._subject((kind,), organisations_act=True)
        if kind == "person" and self._phrases.chance(0.35):
            return Clause("be", subject, predicate=self._phrases.noun_phrase("person", lean=True))
        if self._phrases.chance(0.2):
            return Clause("be", subject, place=self._phrases.location())
        return Clause("be", subject, predicate=self._phrases.quality(kind))

    def _verbal_clause(self, simple: bool) -> Clause:
        kind = self._phrases.choose(_VERB_KINDS, _VERB_KIND_WEIGHTS)
        if simple and kind == "say":
            kind = "being"
        frame = _FRAMES[kind]
        subject = self._subject(
            frame.subjects, organisations_act=frame.organisations_act, relative=not simple
        )
        clause = Clause(
            self._phrases.pick("VERB", kind), subject, object=self._object(frame.objects)
        )
        if kind == "give":
            return replace(clause, recipient=self._phrases.person())
        if kind == "say":
            return replace(clause, complement=self._clause(simple=True))
        return replace(
            clause, place=self._place(kind), manner=self._phrases.maybe("ADV", "manner", 0.15)
        )

    def _place(self, kind: str) -> Adjunct | str | None:
        if kind == "go":
            adposition = self._phrases.choose(("to", "from"), (2, 1))
            return (
                Adjunct(adposition, self._phrases.place_phrase())
                if self._phrases.chance(0.85)
                else None
            )
        if kind == "stay" or self._phrases.chance(0.15):
            return self._phrases.location()
        if self._phrases.chance(0.12):
            return Adjunct(self._phrases.pick("ADP", "whom"), self._phrases.person())
        if kind in ("text", "act") and self._phrases.chance(0.25):
            return Adjunct("about", self._phrases.noun_phrase("idea", lean=True))
        return None

    def _subject(
        self, kinds: Sequence[str], *, organisations_act: bool, relative: bool = False
    ) -> Nominal:
        kind = self._phrases.choose(kinds)
        if organisations_act and self._phrases.chance(self._phrases.name_rate * 0.3):
            return NounPhrase(self._phrases.organisation())
        if kind == "place" and self._phrases.chance(self._phrases.name_rate):
            return NounPhrase(self._phrases.location_name())
        first = self._phrases.person() if kind == "person" else self._phrases.noun_phrase(kind)
        if self._phrases.chance(0.1):
            return self._phrases.coordination(first, kind)
        if relative and isinstance(first.head, str) and self._phrases.chance(0.2):
            return self._with_relative(first)
        return first

    def _with_relative(self, phrase: NounPhrase) -> NounPhrase:
        if load_lexicon().concepts[str(phrase.head)].upos == "PRON":
            return phrase
        verb_kind = self._phrases.choose(("food", "being", "goods", "text", "stay", "act"))
        objects = _FRAMES[verb_kind].objects
        clause = Clause(
            self._phrases.pick("VERB", verb_kind),
            object=self._phrases.noun_phrase(self._phrases.choose(objects), lean=True)
            if objects
            else None,
            place=self._phrases.location() if verb_kind == "stay" else None,
            negated=self._phrases.chance(0.1),
        )
        return replace(phrase, relative=clause)

    def _object(self, kinds: Sequence[str]) -> Nominal | None:
        if not kinds:
            return None
        kind = self._phrases.choose(kinds)
        first = self._phrases.person() if kind == "person" else self._phrases.noun_phrase(kind)
        return self._phrases.coordination(first, kind) if self._phrases.chance(0.1) else first
