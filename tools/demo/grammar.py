"""Say a meaning in a language: words with their tags, and where each comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from tools.demo.lexicon import Lexicon, load_lexicon
from tools.demo.meaning import (
    Adjunct,
    Clause,
    Coordination,
    Name,
    Nominal,
    NounPhrase,
    Quality,
    Sentence,
)
from tools.demo.typology import TYPOLOGIES

_ANIMATE_KINDS = frozenset({"person", "personal", "asking"})
_FINAL_MARKS = {"statement": "stop", "question": "query", "exclamation": "shout"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a linearised sentence.

    Attributes:
        form: The word.
        upos: Universal part of speech.
        entity: BIO tag, `O` outside of a named entity.
        node: Place of the concept in the meaning, the same in every language.
        concept: Key of the concept in the lexicon.
    """

    form: str
    upos: str
    entity: str
    node: str
    concept: str


class Linearizer:
    """Says meanings in one language, by its typology and the lexicon.

    Raises:
        ValueError: If the language is unknown.
    """

    def __init__(self, language: str) -> None:
        """Prepare for a language of the lexicon."""
        self._lexicon: Lexicon = load_lexicon()
        if language not in TYPOLOGIES:
            raise ValueError(f"language must be one of {sorted(TYPOLOGIES)}, got {language!r}")
        self._language = language
        self._typology = TYPOLOGIES[language]

    def sentence(self, sentence: Sentence) -> tuple[Token, ...]:
        """Return the words of a sentence, punctuation included."""
        asked = sentence.mood == "question"
        tokens = self._clause(sentence.main, "main", "question" if asked else "statement")
        if sentence.link is not None:
            tokens = self._linked(tokens, sentence)
        if sentence.interjection is not None:
            tokens = [
                *self._word(sentence.interjection, "interjection"),
                *self._word("comma", "interjection.comma"),
                *tokens,
            ]
        opening = self._word("query-open", "opening") if asked else []
        return (*opening, *tokens, *self._word(_FINAL_MARKS[sentence.mood], "final"))

    def _linked(self, main: list[Token], sentence: Sentence) -> list[Token]:
        link = sentence.link
        assert link is not None
        coordinating = self._lexicon.concepts[link.conjunction].upos == "CCONJ"
        order = "statement" if coordinating else "subordinate"
        second = self._word(link.conjunction, "link") + self._clause(link.clause, "linked", order)
        comma = self._word("comma", "link.comma")
        if link.leads:
            return [*second, *comma, *main]
        return [*main, *(comma if link.conjunction == "but" else []), *second]

    def _clause(self, clause: Clause, path: str, order: str) -> list[Token]:
        slots = self._slots(clause, path)
        template = self._template(order)
        asked = _question_word_slot(clause) if order == "question" else None
        if "Q" in template and asked is None:
            slots["Q"] = self._word("question.q", f"{path}.question")
        if self._language == "en" and order == "question" and not slots["A"] and asked != "S":
            slots["Q"] = self._word("do", f"{path}.support")
        if asked is not None and "W" in template:
            slots["W"], slots[asked] = slots[asked], []
            template = template if asked == "O" else "W" + self._template("statement")
        if "F" in template:
            finite = "A" if slots["A"] else "V"
            slots["F"], slots[finite] = slots[finite], []
        return [token for slot in template for token in slots.get(slot, ())]

    def _template(self, order: str) -> str:
        templates = {
            "statement": self._typology.statement,
            "question": self._typology.question,
            "subordinate": self._typology.subordinate or self._typology.statement,
        }
        return templates[order]

    def _slots(self, clause: Clause, path: str) -> dict[str, list[Token]]:
        copula = clause.verb == "be" and clause.auxiliary is None
        infinitive = "be.inf" if clause.verb == "be" else clause.verb
        return {
            "S": self._nominal(clause.subject, f"{path}.subject"),
            "V": [] if copula else self._word(infinitive, f"{path}.verb"),
            "A": self._word("be", f"{path}.verb")
            if copula
            else self._word(clause.auxiliary, f"{path}.auxiliary"),
            "N": self._word("not" if clause.negated else None, f"{path}.negation"),
            "O": self._object(clause.object, f"{path}.object"),
            "R": self._recipient(clause.recipient, f"{path}.recipient"),
            "X": self._predicate(clause.predicate, f"{path}.predicate"),
            "T": self._word(clause.time, f"{path}.time"),
            "M": self._word(clause.manner, f"{path}.manner"),
            "P": self._place(clause.place, f"{path}.place"),
            "C": self._complement(clause.complement, f"{path}.complement"),
        }

    def _object(self, phrase: Nominal | None, path: str) -> list[Token]:
        tokens = self._nominal(phrase, path)
        marked = phrase is not None and self._is_animate(phrase)
        return tokens + self._word("object" if marked else None, f"{path}.marker")

    def _is_animate(self, phrase: Nominal) -> bool:
        if isinstance(phrase, Coordination):
            return self._is_animate(phrase.right)
        if isinstance(phrase.head, Name):
            return phrase.head.entity == "PER"
        return self._lexicon.concepts[phrase.head].kind in _ANIMATE_KINDS

    def _recipient(self, phrase: NounPhrase | None, path: str) -> list[Token]:
        return self._place(None if phrase is None else Adjunct("give-to", phrase), path)

    def _predicate(self, predicate: Quality | NounPhrase | None, path: str) -> list[Token]:
        if isinstance(predicate, Quality):
            return self._quality(predicate, path)
        return self._nominal(predicate, path)

    def _place(self, place: Adjunct | str | None, path: str) -> list[Token]:
        if not isinstance(place, Adjunct):
            return self._word(place, path)
        adposition = self._word(place.adposition, f"{path}.adposition")
        argument = self._nominal(place.argument, path)
        if place.adposition in self._typology.postposed:
            return argument + adposition
        return adposition + argument

    def _complement(self, clause: Clause | None, path: str) -> list[Token]:
        if clause is None:
            return []
        return self._word("that.c", f"{path}.that") + self._clause(clause, path, "subordinate")

    def _nominal(self, phrase: Nominal | None, path: str) -> list[Token]:
        if phrase is None:
            return []
        if isinstance(phrase, NounPhrase):
            return self._noun_phrase(phrase, path)
        return [
            *self._noun_phrase(phrase.left, f"{path}.left"),
            *self._word(phrase.conjunction, f"{path}.conjunction"),
            *self._noun_phrase(phrase.right, f"{path}.right"),
        ]

    def _noun_phrase(self, phrase: NounPhrase, path: str) -> list[Token]:
        typology = self._typology
        counted = phrase.numeral is not None or phrase.determiner in ("this", "that")
        possessive = self._word(phrase.possessive, f"{path}.possessive")
        qualities = [
            token
            for number, quality in enumerate(phrase.qualities)
            for token in self._quality(quality, f"{path}.quality{number}")
        ]
        relative = self._relative(phrase.relative, f"{path}.relative")
        tokens = [
            *self._word(phrase.determiner, f"{path}.determiner"),
            *(possessive if typology.possessive_first else ()),
            *self._word(phrase.numeral, f"{path}.numeral"),
            *self._word("classifier" if counted else None, f"{path}.classifier"),
            *(qualities if typology.adjective_first else ()),
            *self._head(phrase.head, f"{path}.head"),
            *(() if typology.adjective_first else qualities),
            *(() if typology.possessive_first else possessive),
        ]
        tokens = self._owned(tokens, phrase.owner, f"{path}.owner")
        return relative + tokens if typology.relative_first else tokens + relative

    def _owned(self, owned: list[Token], owner: NounPhrase | None, path: str) -> list[Token]:
        if owner is None:
            return owned
        owner_tokens = self._noun_phrase(owner, path)
        link = self._word("of", f"{path}.of")
        if self._typology.owner_first:
            return owner_tokens + link + owned
        return owned + link + owner_tokens

    def _relative(self, clause: Clause | None, path: str) -> list[Token]:
        if clause is None:
            return []
        return [
            *self._word("who.rel", f"{path}.pronoun"),
            *self._clause(clause, path, "subordinate"),
            *self._word("relative", f"{path}.marker"),
        ]

    def _quality(self, quality: Quality, path: str) -> list[Token]:
        adjective = self._word(quality.adjective, f"{path}.adjective")
        degree = self._word(quality.degree, f"{path}.degree")
        return degree + adjective if self._typology.degree_first else adjective + degree

    def _head(self, head: str | Name, path: str) -> list[Token]:
        return self._name(head, path) if isinstance(head, Name) else self._word(head, path)

    def _name(self, name: Name, path: str) -> list[Token]:
        parts = [self._word(key, f"{path}.part{n}") for n, key in enumerate(name.parts)]
        if name.shape == "of":
            head, place = parts
            link = self._word("of.name", f"{path}.of")
            parts = [place, link, head] if self._typology.owner_first else [head, link, place]
        elif name.shape == "compound" and not self._typology.name_head_first:
            parts.reverse()
        tokens = [token for part in parts for token in part]
        prefixes = ["B", *"I" * (len(tokens) - 1)]
        return [
            replace(token, entity=f"{prefix}-{name.entity}")
            for prefix, token in zip(prefixes, tokens, strict=True)
        ]

    def _word(self, key: str | None, node: str) -> list[Token]:
        if key is None:
            return []
        concept = self._lexicon.concepts[key]
        form = concept.words.get(self._language)
        return [] if form is None else [Token(form, concept.upos, "O", node, key)]


def align(source: Iterable[Token], target: Iterable[Token]) -> list[tuple[int, int]]:
    """Pair the words of two linearisations of one meaning that say the same concept.

    Returns:
        One-to-one pairs (source index, target index), sorted.
    """
    places: Mapping[str, int] = dict(zip((t.node for t in target), count(), strict=False))
    return [(i, places[token.node]) for i, token in enumerate(source) if token.node in places]


def _question_word_slot(clause: Clause) -> str | None:
    for slot, phrase in (("S", clause.subject), ("O", clause.object)):
        if not isinstance(phrase, NounPhrase):
            continue
        if phrase.head in ("who", "what") or phrase.determiner == "which":
            return slot
    return None
