"""How often intervals of a difference hold the true one, on simulated grids.

Two strategies are tested on the same sentences with the same seeds. Whether a word is right is
drawn with a probability whose logit is a sum of normal effects: how hard the sentence is, and the
longer the harder; what the strategy changes for this sentence; what the seed does to both, and to
the strategy; and of sentence, seed and strategy together. Lengths are those of real sentences. Of
F1, entities stand for words: one that is missed is, half of the time, said wrongly.

The true difference is that of the expected scores, over the seeds that might have been drawn and
over the sentences of the language that might have been; here it is computed by quadrature.

    python benchmarks/coverage.py [--simulations 500]
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from alignfreeze.base.progress import progress_bar
from alignfreeze.contracts.outcomes import Parts
from alignfreeze.evaluation.bootstrap import (
    PairedParts,
    percentile_interval,
    resampled_differences,
    shared_variance,
)
from alignfreeze.evaluation.significance import mean_difference

Floats = NDArray[np.float64]

LENGTHS = np.array(json.loads(Path(__file__).with_name("lengths.json").read_text())["rows"])
"""Of real sentences, in subwords."""

RESAMPLES = 1000
PARALLEL = 4
"""Of several languages, so many have translations of the same sentences."""

SIZES = (300, 300, 300, 300, 300, 300, 280, 290, 310, 320)
"""Sentences of each language's test set; the first `PARALLEL` are translations of each other."""

LEVEL, GAIN = 0.9, 0.15
"""The logit of a word of a sentence of mean length, and what the strategy adds to it."""

HARDNESS, LONGER, NOISE = 0.8, -0.3, 0.4
"""Deviation of how hard sentences are; change by logarithm of length; deviation of what is left."""

BOTH = 0.1
"""Deviation of what a seed does to both strategies."""

ALIKE = 0.6
"""What part of the variance of sentences' effects translations share, and of seeds' languages."""

METHODS = ("hierarchical", "bootstrap", "t", "examples alone")


@dataclass(frozen=True)
class Setting:
    """A kind of grid.

    Attributes:
        name: What makes most of the error.
        of_seeds: Deviation of what a seed does to the strategy alone, as a logit.
        of_sentences: Deviation of what the strategy changes by sentence.
    """

    name: str
    of_seeds: float
    of_sentences: float

    def truth(self, score: Callable[[Floats], Floats]) -> float:
        """The expected difference, by Gauss and Hermite's quadrature over all normal effects."""
        points, weights = np.polynomial.hermite_e.hermegauss(40)
        weights = weights / weights.sum()
        words, shift = lengths()
        expected = []
        for strategy in (0, 1):
            seeds = np.hypot(BOTH, strategy * self.of_seeds)
            sentences = np.sqrt(HARDNESS**2 + NOISE**2 + strategy * self.of_sentences**2)
            level = LEVEL + strategy * GAIN + shift
            logit = (
                level[:, None, None]
                + sentences * points[None, :, None]
                + seeds * points[None, None, :]
            )
            right = words @ np.einsum("lps,p->ls", sigmoid(logit), weights) / words.sum()
            expected.append(float(score(right) @ weights))
        return expected[1] - expected[0]


SETTINGS = (
    Setting("seeds", of_seeds=0.15, of_sentences=0.2),
    Setting("both", of_seeds=0.06, of_sentences=0.6),
    Setting("sentences", of_seeds=0.01, of_sentences=1.0),
)


def lengths() -> tuple[Floats, Floats]:
    """The lengths that occur, and how much harder or easier sentences of them are."""
    logs = np.log(LENGTHS)
    return LENGTHS.astype(float), LONGER * (logs - logs.mean())


def sigmoid(logit: Floats) -> Floats:
    """The probability of a logit."""
    return np.asarray(1 / (1 + np.exp(-logit)))


@dataclass(frozen=True)
class Metric:
    """A metric: of which units, drawn how, and what it comes to."""

    name: str
    units: Callable[[np.random.Generator, Floats], NDArray[np.int64]]
    parts: Callable[[np.random.Generator, NDArray[np.int64], Floats], Parts]
    score: Callable[[Floats], Floats]


def word_parts(rng: np.random.Generator, units: NDArray[np.int64], right: Floats) -> Parts:
    """Accuracy of words."""
    return Parts(rng.binomial(units, right).astype(float), units.astype(float))


def entity_parts(rng: np.random.Generator, units: NDArray[np.int64], right: Floats) -> Parts:
    """F1 of entities."""
    found = rng.binomial(units, right)
    wrong = rng.binomial(units - found, 0.5)
    return Parts((2 * found).astype(float), (units + found + wrong).astype(float))


METRICS = (
    Metric("accuracy", lambda rng, words: words.astype(int), word_parts, lambda right: right),
    Metric(
        "F1",
        lambda rng, words: rng.poisson(words / 12),
        entity_parts,
        lambda right: 2 * right / (1.5 + 0.5 * right),
    ),
)


def simulated(
    rng: np.random.Generator, setting: Setting, metric: Metric, *, seeds: int, languages: int
) -> dict[tuple[int, int], PairedParts]:
    """A grid's test results, by language and seed."""
    shared = _sentences(rng, SIZES[0])
    both, alone = BOTH * rng.normal(size=seeds), rng.normal(size=seeds)
    pairs = {}
    for language in range(languages):
        common = shared if language < PARALLEL else None
        place, hard, change = _sentences(rng, SIZES[language], common)
        words, shift = (column[place] for column in lengths())
        units = metric.units(rng, words)
        own = setting.of_seeds * _mixed(rng, alone)
        for seed in range(seeds):
            logit = LEVEL + shift + HARDNESS * hard + both[seed]
            gain = GAIN + own[seed] + setting.of_sentences * change
            baseline, ours = (
                metric.parts(rng, units, sigmoid(mean_ + NOISE * rng.normal(size=len(hard))))
                for mean_ in (logit, logit + gain)
            )
            pairs[language, seed] = PairedParts(ours, baseline)
    return pairs


_Sentences = tuple[NDArray[np.int64], Floats, Floats]
"""Places of their lengths, how hard they are, and what the strategy changes."""


def _sentences(rng: np.random.Generator, size: int, common: _Sentences | None = None) -> _Sentences:
    if common is None:
        place = rng.integers(len(LENGTHS), size=size)
        return place, rng.normal(size=size), rng.normal(size=size)
    return common[0], _mixed(rng, common[1]), _mixed(rng, common[2])


def _mixed(rng: np.random.Generator, common: Floats) -> Floats:
    """Standard normal effects of which `ALIKE` of the variance is common."""
    own = rng.normal(size=common.shape)
    return np.asarray(np.sqrt(ALIKE) * common + np.sqrt(1 - ALIKE) * own)


def intervals(
    pairs: dict[tuple[int, int], PairedParts], *, seeds: int, languages: int
) -> dict[str, tuple[float, float]]:
    """The intervals of the average over languages, by method."""
    draws = np.zeros((RESAMPLES, seeds))
    for keys, differences in resampled_differences(pairs, resamples=RESAMPLES, seed=0):
        for (_, seed), column in zip(keys, differences.T, strict=True):
            draws[:, seed] += column / languages
    by_seed = [
        mean(p.own.value - p.baseline.value for (_, of), p in pairs.items() if of == seed)
        for seed in range(seeds)
    ]
    student, whole = mean_difference(by_seed), mean_difference(by_seed, shared_variance(draws))
    assert student is not None
    assert whole is not None
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    plain = percentile_interval(draws, seed=0)
    found = (whole.interval, plain, student.interval, (float(low), float(high)))
    return dict(zip(METHODS, found, strict=True))


def coverage(
    setting: Setting, metric: Metric, *, seeds: int, languages: int, simulations: int
) -> list[str]:
    """By method the share of intervals that hold the true difference, and their mean width."""
    truth = setting.truth(metric.score)
    held: dict[str, list[bool]] = {name: [] for name in METHODS}
    widths: dict[str, list[float]] = {name: [] for name in METHODS}
    name = f"{metric.name}, {setting.name}, {seeds} seeds, {languages} language(s)"
    for number in progress_bar(range(simulations), name, "grid", shown=True):
        rng = np.random.default_rng([number, *name.encode()])  # other ones for each row
        pairs = simulated(rng, setting, metric, seeds=seeds, languages=languages)
        for method, ends in intervals(pairs, seeds=seeds, languages=languages).items():
            held[method].append(ends[0] <= truth <= ends[1])
            widths[method].append(ends[1] - ends[0])
    return [f"{100 * mean(held[m]):.1f} ({100 * mean(widths[m]):.1f})" for m in METHODS]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a Markdown table: shares in percent, mean widths of the intervals in points."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--simulations", type=int, default=500)
    simulations = parser.parse_args(arguments).simulations
    print("| metric | error mostly of | seeds | languages |", " | ".join(METHODS), "|")
    print("|---" * (4 + len(METHODS)) + "|")
    for metric in METRICS:
        for setting in SETTINGS:
            for seeds in (3, 5):
                for languages in (1, len(SIZES)):
                    about = {"seeds": seeds, "languages": languages, "simulations": simulations}
                    shares = coverage(setting, metric, **about)
                    cells = [metric.name, setting.name, str(seeds), str(languages), *shares]
                    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
