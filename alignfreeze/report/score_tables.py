"""Scores as a report shows them: one table for each model and task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from statistics import stdev
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from alignfreeze.config import BASELINE
from alignfreeze.evaluation.statistics import mean
from alignfreeze.report.covariates import Alignment, Covariates


def group_place(group: str) -> tuple[int, str]:
    """Where a group of variants stands: behind those that differ in fewer settings."""
    return group.count(",") + bool(group), group


def called(reference: str) -> str:
    """What a sentence calls the row that the others are compared with."""
    return "the baseline" if reference == BASELINE else reference


def differing_in(group: str) -> str:
    """What is said above a group of variants."""
    return f"rows that differ in {' and '.join(group.split(', '))}"


P = ParamSpec("P")
T = TypeVar("T")


def _once(
    compute: Callable[Concatenate["ScoreTable", P], T],
) -> Callable[Concatenate["ScoreTable", P], T]:
    """Have a table remember what it has computed: texts, files and figures ask for the same.

    Whoever is given it must not change it.
    """

    @wraps(compute)
    def known(table: "ScoreTable", /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (compute.__name__, args, *kwargs.items())
        if key not in table._known:
            table._known[key] = compute(table, *args, **kwargs)
        found: T = table._known[key]
        return found

    return known


@dataclass(frozen=True)
class Comparison:
    """A row beside the reference: averages over the same languages and seeds.

    Attributes:
        languages: The languages that both have with a seed in common.
        without: The languages that only one of them has, or both with no seed in common.
        own: The row's averages, of the seeds with which both have every one of the languages.
        reference: The reference's, of the same seeds.
    """

    languages: Sequence[str]
    without: Sequence[str]
    own: Mapping[int, float]
    reference: Mapping[int, float]

    @cached_property
    def differences(self) -> dict[int, float]:
        """The average's difference by seed; fractions."""
        return {seed: own - self.reference[seed] for seed, own in self.own.items()}

    @cached_property
    def difference(self) -> float | None:
        """The mean of these; ``None`` where nothing can be compared."""
        return mean(self.differences.values()) if self.own else None


class Resampled(NamedTuple):
    """What resampled test examples say of a difference, of a language or of the average.

    Attributes:
        shared: The variance that the sampling of examples gives to all seeds alike, a square of
            fractions.
        plain: The 95 % interval of a plain bootstrap over seeds and examples, fractions.
    """

    shared: float
    plain: tuple[float, float]


@dataclass(frozen=True)
class ScoreTable:
    """The test scores of one model on one task, one metric.

    Attributes:
        model: The model's name, without owner or folder.
        task: The task's name.
        metric: The metric that is shown.
        source_language: The language that was fine-tuned in.
        languages: The target languages that any run has, sorted.
        variants: What is compared, such as ``baseline``, ``none``, ``front(boundary=3)``; in the
            order of the report, the baseline first where there is one, groups together.
        values: By variant, language (the source language too) and seed; fractions in [0, 1].
            A language or a seed that a variant lacks is not there.
        boundaries: By variant, for those that freeze at a boundary between layers: the strategy's
            name and the boundary.
        alignment: Word alignment accuracy, by variant, language, layer (from 0, the first layer)
            and seed, fractions in [0, 1]; the baseline's is that before realignment. Empty where
            none was measured.
        versions: Of what its runs have several versions, and which; a line each.
        note: What the reader of a table has to know of the metric; empty where it is plain.
        groups: By variant, for those that were realigned otherwise than most, the names of the
            settings in which they differ, such as ``aligner``.
        resampled: By variant and language, the average by ``None``, what resampled examples say of
            the difference to the reference; without variants of which seeds alone tell.
        seeds_alone: By such a variant, why.
        covariates: What else is known of languages, that may explain their differences.
        reference: The variant that the others are compared with; there may be none of this name.
    """

    model: str
    task: str
    metric: str
    source_language: str
    languages: Sequence[str]
    variants: Sequence[str]
    values: Mapping[str, Mapping[str, Mapping[int, float]]]
    boundaries: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    alignment: Alignment = field(default_factory=dict)
    versions: Sequence[str] = ()
    note: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    resampled: Mapping[str, Mapping[str | None, Resampled]] = field(default_factory=dict)
    seeds_alone: Mapping[str, str] = field(default_factory=dict)
    covariates: Covariates = field(default_factory=Covariates)
    reference: str = BASELINE
    _known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: without what is remembered."""
        return {**vars(self), "_known": {}}

    @property
    def key(self) -> tuple[str, str]:
        """The model and the task, apart."""
        return self.model, self.task

    @property
    def name(self) -> str:
        """The model and the task."""
        return f"{self.model}, {self.task}"

    @property
    def title(self) -> str:
        """The model, the task and the metric."""
        return f"{self.name} {self.metric}"

    @property
    def grouped(self) -> dict[str, list[str]]:
        """The variants by what they differ in; those that differ in nothing, by an empty text."""
        found: dict[str, list[str]] = {}
        for variant in self.variants:
            found.setdefault(self.groups.get(variant, ""), []).append(variant)
        return found

    @property
    def compared(self) -> list[str]:
        """The variants that are compared with the reference; none where there is none."""
        return [v for v in self.variants if v != self.reference and self.reference in self.variants]

    @_once
    def seeds(self, variant: str) -> list[int]:
        """The seeds of a variant, with which any language was scored, sorted."""
        own = self.values.get(variant, {})
        return sorted({seed for seeds in own.values() for seed in seeds})

    def scores(self, variant: str, language: str) -> Mapping[int, float]:
        """A variant's scores of a language by seed; none if it has none."""
        return self.values.get(variant, {}).get(language, {})

    def scored(self, variant: str, language: str | None = None) -> set[tuple[str, int]]:
        """The languages, and the seeds of each, that a variant has scores of.

        Here and below, of all target languages by default.
        """
        shown = self.languages if language is None else [language]
        return {(code, seed) for code in shown for seed in self.scores(variant, code)}

    @_once
    def mean(self, variant: str, language: str | None = None) -> float | None:
        """Mean over languages of the means over seeds, a fraction; ``None`` without a score."""
        shown = self.languages if language is None else [language]
        found = [mean(own.values()) for code in shown if (own := self.scores(variant, code))]
        return mean(found) if found else None

    def averages(self, variant: str, languages: Sequence[str] = ()) -> dict[int, float]:
        """By seed, the mean over languages; of seeds that have every one of them.

        By default they are all target languages that the variant has.
        """
        return self._averages(variant, tuple(languages))

    @_once
    def _averages(self, variant: str, languages: tuple[str, ...]) -> dict[int, float]:
        present = languages or [code for code in self.languages if self.scores(variant, code)]
        return {
            seed: mean(self.scores(variant, code)[seed] for code in present)
            for seed in self.seeds(variant)
            if present and all(seed in self.scores(variant, code) for code in present)
        }

    @_once
    def deviation(self, variant: str, language: str | None = None) -> float | None:
        """Sample deviation (``n - 1``) over seeds of `averages`, a fraction; ``None`` below two."""
        found = self.averages(variant, [] if language is None else [language])
        return stdev(found.values()) if len(found) > 1 else None

    @_once
    def comparison(self, variant: str, language: str | None = None) -> Comparison:
        """The averages of a variant and of the reference; nothing of the reference itself."""
        shown = self.languages if language is None else [language]
        own = self.values.get(variant, {})
        other = {} if variant == self.reference else self.values.get(self.reference, {})
        shared = {code: own.get(code, {}).keys() & other.get(code, {}).keys() for code in shown}
        both = [code for code in shown if shared[code]]
        seeds = sorted(set.intersection(*(shared[code] for code in both))) if both else []
        return Comparison(
            both,
            [code for code in shown if code not in both and code in {*own, *other}],
            *(
                {seed: mean(scores[code][seed] for code in both) for seed in seeds}
                for scores in (own, other)
            ),
        )

    @_once
    def falls_short(self, variant: str, language: str | None = None) -> bool:
        """Whether a difference to the reference is of fewer seeds or languages than some row has.

        Then it is not to be compared with the differences of other variants.
        """
        found = self.comparison(variant, language)
        shown = [] if language is None else [language]
        every = {seed for name in self.variants for seed in self.averages(name, shown)}
        fewer = language is None and len(found.languages) < len(self.languages)
        return fewer or found.own.keys() != every
