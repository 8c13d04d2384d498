"""What a report lacks: said beside the tables, never averaged over in silence."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from alignfreeze.report.score_tables import ScoreTable

SHORT = "†"
"""Marks a value that rests on less than others do."""


@dataclass(frozen=True)
class Missing:
    """What is missing.

    Attributes:
        sections: Lines for a person by their heading, none of them without lines: combinations
            that no run is of, that have fewer seeds than others, or lack a language; runs that
            failed and that no later one makes up for; runs that are not reported, and why.
        short: Model, task and variant of the combinations that are marked in tables.
        expected: The seeds that a combination is expected to have.
    """

    sections: Mapping[str, Sequence[str]]
    short: frozenset[tuple[str, str, str]]
    expected: frozenset[int]

    def mark(self, table: ScoreTable, variant: str, language: str | None = None) -> str:
        """What is put behind a mean, of all targets by default, that is over less than expected."""
        if language is None:
            return SHORT if (table.model, table.task, variant) in self.short else ""
        own = table.scores(variant, language)
        return SHORT if own and self.expected - own.keys() else ""


def find_missing(
    tables: Sequence[ScoreTable], failed: Sequence[str], left_out: Sequence[str]
) -> Missing:
    """Compare every combination with what the others have; the rest are lines about runs."""
    by_key = {(table.model, table.task): table for table in tables}
    models, tasks = (list(dict.fromkeys(keys)) for keys in zip(*by_key, strict=True))
    # A variant that one model or task alone has, such as the best of a search, is expected nowhere
    # else; a strategy as it is by default is.
    counts = Counter(variant for table in tables for variant in table.variants)
    common = [variant for variant, n in counts.items() if n > 1 or variant.isidentifier()]
    # Without it there is nothing to compare with.
    everywhere = [*dict.fromkeys(table.reference for table in tables), *common]
    expected = {seed for table in tables for v in table.variants for seed in table.seeds(v)}
    cells, seeds, languages, short = [], [], [], set()
    for model, task in product(models, tasks):
        table = by_key.get((model, task))
        own = table.variants if table else ()
        for variant in dict.fromkeys([*own, *everywhere]):
            name = f"{model}, {task}, {variant}"
            if table is None or variant not in table.values:
                cells.append(f"{name}: no run")
                continue
            found = table.seeds(variant)
            if lacking := expected.difference(found):
                of_all = f"{len(found)} of {len(expected)} seeds"
                seeds.append(f"{name}: {of_all}; without {_listed(lacking)}")
            holes = _holes(table, variant)
            languages += [f"{name}: {hole}" for hole in holes]
            if lacking or holes:
                short.add((model, task, variant))
    sections = {
        "Without runs": cells,
        "Short of seeds": seeds,
        "Short of languages": languages,
        "Failed": failed,
        "Left out": left_out,
    }
    filled = {heading: lines for heading, lines in sections.items() if lines}
    return Missing(filled, short=frozenset(short), expected=frozenset(expected))


def _holes(table: ScoreTable, variant: str) -> list[str]:
    """Languages, the source language too, that some of a variant's seeds have no score of."""
    seeds, lines = table.seeds(variant), []
    for language in (table.source_language, *table.languages):
        if lacking := set(seeds).difference(table.scores(variant, language)):
            which = "any seed" if len(lacking) == len(seeds) else f"seed {_listed(lacking)}"
            lines.append(f"no {language} with {which}")
    return lines


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))
