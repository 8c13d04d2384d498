"""How each of the demo's languages orders its words.

A clause template is a string of one-letter slots:

    S subject     V verb       O object    R recipient   X predicate of a copular clause
    A auxiliary   N negation   T time      M manner      P place       C complement clause
    F the finite verb: the auxiliary where there is one, else the verb
    Q question particle or supporting verb               W fronted question word

A slot that the clause does not fill is skipped; `F` empties the slot that it takes over.
A language without `W` leaves its question words in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ALL_ADPOSITIONS = frozenset(
    {"in", "on", "under", "near", "behind", "from", "to", "with", "for", "about", "give-to"}
)


@dataclass(frozen=True, slots=True)
class Typology:
    """The word order of one language.

    Attributes:
        statement: Template of a main clause.
        question: Template of a main clause that asks.
        subordinate: Template of a dependent clause, empty where it is as in a statement.
        adjective_first: Whether adjectives come before their noun.
        degree_first: Whether "very" comes before its adjective.
        possessive_first: Whether "my" comes before its noun.
        owner_first: Whether the owner comes before the owned.
        relative_first: Whether a relative clause comes before its noun.
        name_head_first: Whether "Bank" comes before "Weber".
        postposed: Concept keys of the adpositions that follow their noun phrase.
    """

    statement: str
    question: str
    subordinate: str = ""
    adjective_first: bool = True
    degree_first: bool = True
    possessive_first: bool = True
    owner_first: bool = False
    relative_first: bool = False
    name_head_first: bool = False
    postposed: frozenset[str] = frozenset()

    @property
    def basic_order(self) -> str:
        """Order of subject, verb and object in a statement, such as `SVO`."""
        return "".join(dict.fromkeys(s for s in self.statement.replace("F", "V") if s in "SVO"))


TYPOLOGIES: Mapping[str, Typology] = MappingProxyType(
    {
        "en": Typology("TSANVXORMPC", "WQASNVXORMPTC", "SANVXORMPTC"),
        "de": Typology("SFTORNMPXVC", "WFSTORNMPXVC", "STORNMPXVFC"),
        "es": Typology("TSNAVXMORPC", "WNFSVXMORPTC", adjective_first=False, name_head_first=True),
        "ru": Typology("TSNAMVXORPC", "WNFQSMVXORPTC", name_head_first=True),
        "el": Typology("TSNAVXMORPC", "WNFSVXMORPTC", possessive_first=False, name_head_first=True),
        "tr": Typology(
            "TSPROMXVANC",
            "TSPROMXVANQC",
            owner_first=True,
            relative_first=True,
            postposed=ALL_ADPOSITIONS,
        ),
        "hi": Typology("TSPROMXNVAC", "QTSPROMXNVAC", owner_first=True, postposed=ALL_ADPOSITIONS),
        "ar": Typology(
            "NAVSXORMPTC",
            "WQNAVSXORMPTC",
            adjective_first=False,
            degree_first=False,
            name_head_first=True,
        ),
        "zh": Typology(
            "STNAPMVXORC",
            "STNAPMVXORCQ",
            owner_first=True,
            relative_first=True,
            postposed=frozenset({"on", "under", "behind"}),
        ),
    }
)
