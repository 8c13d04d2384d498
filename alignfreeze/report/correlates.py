"""What the gain of a strategy goes along with, over the languages of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alignfreeze.base.tables import MISSING
from alignfreeze.config import BASELINE
from alignfreeze.data.uriel import distances
from alignfreeze.evaluation.statistics import mean
from alignfreeze.report.covariates import Alignment
from alignfreeze.report.drawing import points
from alignfreeze.report.rank_correlation import RankCorrelation, rank_correlation
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.tracking.names import FERTILITY, UNKNOWN_WORDS

ALIGNMENT = "change of word alignment"
DRIFT = "drift"
PAIRS = "sentence pairs"

WORDS = {FERTILITY: "subwords a word", UNKNOWN_WORDS: "share of unknown words"}

Values = Mapping[str, float]
"""Values by language."""


@dataclass(frozen=True)
class Correlate:
    """A covariate beside the gain of a strategy.

    Attributes:
        variant: The strategy, as in the table.
        covariate: What it is.
        layer: Of which layer, from 0, the first; ``None`` of what has no layers.
        values: By language, for those that have both, the covariate and the gain, which is the
            difference to the baseline in points.
        correlation: How far both have the same order.
    """

    variant: str
    covariate: str
    layer: int | None
    values: Mapping[str, tuple[float, float]]
    correlation: RankCorrelation

    @property
    def name(self) -> str:
        """What it is, with its layer."""
        return self.covariate if self.layer is None else f"{self.covariate}, layer {self.layer}"


@dataclass(frozen=True)
class Explanation:
    """All correlates of a table, by variant in its order, each with its layers in order."""

    table: ScoreTable
    correlates: Sequence[Correlate]

    @property
    def summary(self) -> list[Correlate]:
        """Those without layers, and of those with layers the last."""
        last: dict[tuple[str, str], Correlate] = {}
        for correlate in self.correlates:
            last[correlate.variant, correlate.covariate] = correlate
        return list(last.values())


def signed(value: float | None) -> str:
    """A correlation with two decimals and its sign."""
    return MISSING if value is None else f"{value:+.2f}".replace("-", "−")


def explanations(tables: Sequence[ScoreTable]) -> list[Explanation]:
    """The correlates of each table that compares strategies with the baseline.

    What is known of languages is what realignment did to the encoder that the baseline fine-tunes:
    that explains no difference of two realignments.
    """
    return [
        Explanation(table, list(_correlates(table)))
        for table in tables
        if table.compared and table.reference == BASELINE
    ]


def _correlates(table: ScoreTable) -> Iterator[Correlate]:
    away = distances(table.source_language, table.languages)
    for variant in table.compared:
        found = ((code, points(table, variant, code)) for code in table.languages)
        gains = {code: gain for code, gain in found if gain is not None}
        for covariate, layer, own in _covariates(table, variant, away):
            both = {code: (own[code], gain) for code, gain in gains.items() if code in own}
            if both:
                x, y = zip(*both.values(), strict=True)
                yield Correlate(variant, covariate, layer, both, rank_correlation(x, y))


def _covariates(
    table: ScoreTable, variant: str, away: Mapping[str, Values]
) -> Iterator[tuple[str, int | None, Values]]:
    """The covariates of a variant, each with its layer."""
    known = table.covariates
    layered = {
        ALIGNMENT: _change(table.alignment, variant),
        DRIFT: known.drift.get(variant, {}),
    }
    for name, found in layered.items():
        yield from ((name, layer, own) for layer, own in _by_layer(found).items())
    yield from ((f"{kind} distance", None, own) for kind, own in away.items())
    for text, words in (("task", known.task_words), ("parallel text", known.parallel_words)):
        yield from ((f"{WORDS[kind]}, {text}", None, own) for kind, own in words.items())
    pairs = known.pairs.get(variant, {})
    yield PAIRS, None, {code: mean(seeds.values()) for code, seeds in pairs.items()}


_Layers = Mapping[str, Mapping[int, Mapping[int, float]]]
"""Values by language, layer and seed."""


def _change(alignment: Alignment, variant: str) -> _Layers:
    """Word alignment after realignment less that before, of the seeds that have both."""
    before = alignment.get(BASELINE, {})
    return {
        code: {
            layer: {
                seed: value - old
                for seed, value in seeds.items()
                if (old := before.get(code, {}).get(layer, {}).get(seed)) is not None
            }
            for layer, seeds in layers.items()
        }
        for code, layers in alignment.get(variant, {}).items()
    }


def _by_layer(found: _Layers) -> dict[int, dict[str, float]]:
    """Means over seeds, by layer and language."""
    means: dict[int, dict[str, float]] = {}
    for code, layers in found.items():
        for layer, seeds in layers.items():
            if seeds:
                means.setdefault(layer, {})[code] = mean(seeds.values())
    return dict(sorted(means.items()))
