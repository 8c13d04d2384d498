"""Scores as a report shows them: one block for each model and task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from alignfreeze.config import BASELINE
from alignfreeze.report.comparison import Comparison, compare, paired

Alignment = Mapping[str, Mapping[str, Mapping[int, Mapping[int, float]]]]
"""Values by variant, language, layer and seed."""


@dataclass(frozen=True)
class Block:
    """The test scores of one model on one task, one metric.

    Attributes:
        model: The model's name, without owner or folder.
        task: The task's name.
        metric: The metric that is shown.
        source_language: The language that was fine-tuned in.
        languages: The target languages that any run has, sorted.
        variants: What is compared, such as ``baseline``, ``none``, ``front(boundary=3)``; in the
            order of the report, the baseline first where there is one.
        values: By variant, language (the source language too) and seed; fractions in [0, 1].
            A language or a seed that a variant lacks is not there.
        boundaries: By variant, for those that freeze at a boundary between layers: the strategy's
            name and the boundary.
        alignment: Word alignment accuracy, by variant, language, layer (from 0, the first layer)
            and seed, fractions in [0, 1]; the baseline's is that before realignment. Empty where
            none was measured.
        versions: Of what its runs have several versions, and which; a line each.
        note: What the reader of a table has to know of the metric; empty where it is plain.
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

    @property
    def name(self) -> str:
        """The model and the task."""
        return f"{self.model}, {self.task}"

    @property
    def title(self) -> str:
        """The model, the task and the metric."""
        return f"{self.name} {self.metric}"

    @property
    def compared(self) -> list[str]:
        """The variants that are compared with the baseline; none where there is no baseline."""
        return [v for v in self.variants if v != BASELINE and BASELINE in self.variants]

    def seeds(self, variant: str) -> list[int]:
        """The seeds of a variant, with which any language was scored, sorted."""
        own = self.values.get(variant, {})
        return sorted({seed for seeds in own.values() for seed in seeds})

    def scores(self, variant: str, language: str) -> list[float]:
        """A variant's scores of a language, in the order of their seeds; none if it has none."""
        own = self.values.get(variant, {}).get(language, {})
        return [own[seed] for seed in sorted(own)]

    def mean(self, variant: str, language: str) -> float | None:
        """Mean over seeds, a fraction; ``None`` where there is no score."""
        found = self.scores(variant, language)
        return mean(found) if found else None

    def deviation(self, variant: str, language: str) -> float | None:
        """Sample standard deviation over seeds (``n - 1``), a fraction; ``None`` below two."""
        found = self.scores(variant, language)
        return stdev(found) if len(found) > 1 else None

    def averages(self, variant: str, languages: Sequence[str] = ()) -> dict[int, float]:
        """By seed, the mean over target languages; of seeds that have every one of them.

        Args:
            variant: Whose.
            languages: Those to average over; by default all that the variant has.
        """
        own = self.values.get(variant, {})
        present = languages or [language for language in self.languages if own.get(language)]
        return {
            seed: mean(own[language][seed] for language in present)
            for seed in self.seeds(variant)
            if present and all(seed in own.get(language, {}) for language in present)
        }

    def average(self, variant: str, languages: Sequence[str] = ()) -> float | None:
        """Mean over languages (see `averages`) of the means over seeds; ``None`` without any."""
        own = self.values.get(variant, {})
        present = languages or self.languages
        found = [mean(own[language].values()) for language in present if own.get(language)]
        return mean(found) if found else None

    def average_deviation(self, variant: str, languages: Sequence[str] = ()) -> float | None:
        """Sample standard deviation over seeds of each seed's mean over languages."""
        found = list(self.averages(variant, languages).values())
        return stdev(found) if len(found) > 1 else None

    def scored(self, variant: str) -> set[tuple[str, int]]:
        """The target languages, and the seeds of each, that a variant has scores of."""
        own = self.values.get(variant, {})
        return {(language, seed) for language in self.languages for seed in own.get(language, ())}

    def differences(self, variant: str, language: str) -> dict[int, float]:
        """By seed that both have, the difference to the baseline; fractions."""
        return paired(*(self.values.get(n, {}).get(language, {}) for n in (variant, BASELINE)))

    def difference(self, variant: str, language: str) -> float | None:
        """The mean of these; ``None`` where there is no seed that both have."""
        found = self.differences(variant, language)
        return mean(found.values()) if found else None

    def comparison(self, variant: str) -> Comparison:
        """The averages of a variant and of the baseline, over what both have."""
        own, baseline = (self.values.get(name, {}) for name in (variant, BASELINE))
        return compare(own, baseline, self.languages)

    def falls_short(self, variant: str, language: str | None = None) -> bool:
        """Whether a difference to the baseline is of fewer seeds or languages than some row has.

        Then it is not to be compared with the differences of other variants.

        Args:
            variant: Whose difference.
            language: In which language; that of the averages by default.
        """
        if language is not None:
            every = {s for own in self.values.values() for s in own.get(language, ())}
            return self.differences(variant, language).keys() != every
        found = self.comparison(variant)
        every = {seed for name in self.variants for seed in self.averages(name)}
        return len(found.languages) < len(self.languages) or found.own.keys() != every
