"""What a sentence means, apart from any language: concepts (keys of the lexicon) and roles.

Every class is frozen, so that a meaning can be compared, hashed and kept; texts in several
languages, and later entailments or questions and answers, are made from the same objects.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

EntityType: TypeAlias = Literal["PER", "LOC", "ORG"]


@dataclass(frozen=True, slots=True)
class Name:
    """A named entity.

    Attributes:
        entity: Its type.
        parts: Concept keys.  `plain`: in the order in which they are said ("Maria Weber");
            `of` and `compound`: the head, then what specifies it.
        shape: `of` is "Bank of Athens", `compound` is "Weber Bank".
    """

    entity: EntityType
    parts: tuple[str, ...]
    shape: Literal["plain", "of", "compound"] = "plain"


@dataclass(frozen=True, slots=True)
class Quality:
    """An adjective and how much of it: "very old"."""

    adjective: str
    degree: str | None = None


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun, pronoun or name with everything that goes with it.

    Attributes:
        head: Concept key, or a name.
        determiner: Concept key ("the", "this", "every").
        possessive: Concept key of a possessive pronoun.
        numeral: Concept key.
        qualities: Adjectives, the outermost first.
        owner: Whose it is: "the book of the teacher".
        relative: A clause without subject, whose subject this phrase is.
    """

    head: "str | Name"
    determiner: str | None = None
    possessive: str | None = None
    numeral: str | None = None
    qualities: tuple[Quality, ...] = ()
    owner: "NounPhrase | None" = None
    relative: "Clause | None" = None


@dataclass(frozen=True, slots=True)
class Coordination:
    """Two noun phrases joined by a conjunction."""

    conjunction: str
    left: NounPhrase
    right: NounPhrase


@dataclass(frozen=True, slots=True)
class Adjunct:
    """An adposition and its noun phrase: "behind the house"."""

    adposition: str
    argument: NounPhrase


Nominal: TypeAlias = NounPhrase | Coordination


@dataclass(frozen=True, slots=True)
class Clause:
    """Who does what to whom, where, when and how.

    Attributes:
        verb: Concept key; `be` makes a copular clause.
        subject: None in relative clauses.
        object: What the verb acts on.
        recipient: Who is given something.
        predicate: What a copular clause says of its subject.
        auxiliary: Concept key of a modal.
        negated: Whether the clause is denied.
        time: Concept key of an adverb.
        manner: Concept key of an adverb.
        place: A phrase, or the concept key of an adverb.
        complement: What is said, thought or known.
    """

    verb: str
    subject: Nominal | None = None
    object: Nominal | None = None
    recipient: NounPhrase | None = None
    predicate: Quality | NounPhrase | None = None
    auxiliary: str | None = None
    negated: bool = False
    time: str | None = None
    manner: str | None = None
    place: Adjunct | str | None = None
    complement: "Clause | None" = None


@dataclass(frozen=True, slots=True)
class Link:
    """A second clause and the conjunction that ties it to the first.

    Attributes:
        conjunction: Concept key of a coordinating or subordinating conjunction.
        clause: The second clause.
        leads: Whether it is said before the main clause.
    """

    conjunction: str
    clause: Clause
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A whole sentence.

    Attributes:
        main: Its main clause.
        mood: How it is meant; decides the word order and the final mark.
        interjection: Concept key of an opening "yes", "oh", ...
        link: A second clause, statements only.
    """

    main: Clause
    mood: Literal["statement", "question", "exclamation"] = "statement"
    interjection: str | None = None
    link: Link | None = None
