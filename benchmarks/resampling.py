"""How long the resampling of test examples takes: a grid of tagging in 34 languages.

python benchmarks/resampling.py [--resamples 10000]
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from alignfreeze.contracts.outcomes import Parts
from alignfreeze.report.kept_outcomes import Cell, KeptOutcomes
from alignfreeze.report.resampling import with_examples
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.settings import ReportConfig

LANGUAGES = [f"l{number:02}" for number in range(34)]
STRATEGIES = ("baseline", "none", "front", "back")
SEEDS = (17, 23, 31, 42, 66)


def made_up(sizes: Sequence[int]) -> tuple[ScoreTable, dict[Cell, KeptOutcomes]]:
    """A grid's scores, of right words of words, and what was kept of its examples."""
    rng = np.random.default_rng(0)
    words = {
        language: rng.integers(3, 40, size=size)
        for language, size in zip(LANGUAGES, sizes, strict=True)
    }
    kept: dict[Cell, dict[str, Parts]] = {}
    values: dict[str, dict[str, dict[int, float]]] = {}
    for strategy in STRATEGIES:
        for seed in SEEDS:
            for language, own in words.items():
                right = rng.binomial(own, rng.uniform(0.7, 0.8))
                parts = Parts(right.astype(float), own.astype(float))
                kept.setdefault((strategy, seed), {})[language] = parts
                scores = values.setdefault(strategy, {}).setdefault(language, {})
                scores[seed] = parts.value
    table = ScoreTable("m", "pos", "accuracy", "en", LANGUAGES, list(values), values)
    return table, {cell: KeptOutcomes(parts) for cell, parts in kept.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the seconds for test sets that all differ in size, and for translations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--resamples", type=int, default=10_000)
    config = ReportConfig(resamples=parser.parse_args(arguments).resamples)
    different = np.linspace(1000, 2000, len(LANGUAGES)).astype(int).tolist()
    for name, sizes in (
        ("1,000 to 2,000 sentences, all different", different),
        ("2,000 sentences each", [2000] * len(LANGUAGES)),
    ):
        table, kept = made_up(sizes)
        began = time.perf_counter()
        with_examples(table, kept, config)
        seconds = time.perf_counter() - began
        print(f"{config.resamples:,} resamples, 34 languages, {name}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
