"""Scores as a report shows them: one block for each model and task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from alignfreeze.preparation import BASELINE


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
        alignment: Word alignment accuracy, by variant, language and layer (from 0, the
            embeddings), mean over seeds, fractions in [0, 1]; empty where none was measured.
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
    alignment: Mapping[str, Mapping[str, Mapping[int, float]]] = field(default_factory=dict)
    note: str = ""

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

    def averages(self, variant: str) -> dict[int, float]:
        """By seed, the mean over target languages; of seeds that have every language it has."""
        own = self.values.get(variant, {})
        present = [language for language in self.languages if language in own]
        return {
            seed: mean(own[language][seed] for language in present)
            for seed in self.seeds(variant)
            if present and all(seed in own[language] for language in present)
        }

    def average(self, variant: str) -> float | None:
        """Mean over target languages of the means over seeds; ``None`` where there is none."""
        own = self.values.get(variant, {})
        found = [mean(own[language].values()) for language in self.languages if own.get(language)]
        return mean(found) if found else None

    def average_deviation(self, variant: str) -> float | None:
        """Sample standard deviation over seeds of each seed's mean over target languages."""
        found = list(self.averages(variant).values())
        return stdev(found) if len(found) > 1 else None

    def difference(self, variant: str, language: str) -> float | None:
        """The mean difference to the baseline, a fraction; see `paired_difference`."""
        own, baseline = (
            self.values.get(name, {}).get(language, {}) for name in (variant, BASELINE)
        )
        return paired_difference(own, baseline)


def paired_difference(own: Mapping[int, float], baseline: Mapping[int, float]) -> float | None:
    """The mean difference over the seeds that both have; without such seeds, that of the means.

    Args:
        own: Scores by seed.
        baseline: The baseline's scores by seed.

    Returns:
        ``None`` where either has none.
    """
    if not own or not baseline:
        return None
    shared = own.keys() & baseline.keys()
    if shared:
        return mean(own[seed] - baseline[seed] for seed in sorted(shared))
    return mean(own.values()) - mean(baseline.values())
