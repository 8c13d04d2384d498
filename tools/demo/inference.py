"""Draws premises and hypotheses whose relation is known by how they were made.

The hypothesis is drawn first and in the same way whatever the label, so that it says nothing
about the label by itself; the premise is then made from it.
"""

import random
from dataclasses import dataclass

from tools.demo.logic import Relation, denied, opposed_to
from tools.demo.meaning import Clause
from tools.demo.plain import PlainClauses, modifiers, without

LABELS: tuple[Relation, ...] = ("entailment", "neutral", "contradiction")

_SECOND_MODIFIER = 0.4
_DENIED = 0.4
_OPPOSED = 0.5
_ALTERED = 0.15


@dataclass(frozen=True, slots=True)
class Inference:
    """Two statements and how they relate."""

    premise: Clause
    hypothesis: Clause
    label: Relation


class Inferences:
    """Draws inferences; the draws depend on nothing but the generator."""

    def __init__(self, generator: random.Random) -> None:
        """Prepare to draw."""
        self._plain = PlainClauses(generator)

    def draw(self, label: Relation) -> Inference:
        """Draw two statements that relate in the given way."""
        hypothesis = self._hypothesis()
        premises = {
            "entailment": self._strengthened,
            "neutral": self._open_premise,
            "contradiction": self._contrary_premise,
        }
        return Inference(premises[label](hypothesis), hypothesis, label)

    def _hypothesis(self) -> Clause:
        """Draw a clause that has a modifier to lose and can be made stronger."""
        negated = self._plain.chance(_DENIED)
        while True:
            clause = self._plain.clause()
            clause = self._plain.modified(clause, self._plain.choose(self._plain.addable(clause)))
            if self._plain.chance(_SECOND_MODIFIER) and (more := self._plain.addable(clause)):
                clause = self._plain.modified(clause, self._plain.choose(more))
            if negated:
                clause = denied(clause)
            if _losable(clause) and self._plain.addable(clause):
                return clause

    def _strengthened(self, clause: Clause) -> Clause:
        more = self._plain.addable(clause)
        return self._plain.modified(clause, self._plain.choose(more)) if more else clause

    def _open_premise(self, hypothesis: Clause) -> Clause:
        """Say less than the hypothesis in one respect, or something else, and more in another."""
        if self._plain.chance(_ALTERED):
            return self._strengthened(self._plain.altered(hypothesis))
        lost = self._plain.choose(_losable(hypothesis))
        premise = without(hypothesis, lost)
        more = [name for name in self._plain.addable(premise) if name != lost]
        return self._plain.modified(premise, self._plain.choose(more)) if more else premise

    def _contrary_premise(self, hypothesis: Clause) -> Clause:
        opposed = opposed_to(hypothesis)
        if opposed is not None and self._plain.chance(_OPPOSED):
            return self._strengthened(opposed)
        return self._strengthened(denied(hypothesis))


def _losable(clause: Clause) -> tuple[str, ...]:
    """Name the modifiers without which a clause says less; of what is denied, it says more."""
    return tuple(
        name for name in modifiers(clause) if not (clause.negated and name in ("time", "place"))
    )
