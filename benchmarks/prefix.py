"""What `prefix=cached` does to accuracy: frozen layers without dropout against with it.

    python benchmarks/prefix.py [--data DIR --model DIR --languages de,fr --seeds 31,42,66 …]

Runs `alignfreeze run` with `front` and frozen embeddings, exact and cached, for each seed.
"""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from common import Result, parser, record
from whole import ours


def main() -> None:
    """Measure, and record."""
    arguments = parser(__doc__)
    arguments.add_argument("--realign-steps", default="200")
    arguments.add_argument("--finetune-steps", default="80")
    arguments.add_argument("--seeds", default="31,42,66")
    asked = arguments.parse_args()
    scores: dict[str, list[float]] = {"cached": [], "exact": []}
    for seed in asked.seeds.split(","):
        for prefix, found in scores.items():
            options = {
                "data": asked.data,
                "model": asked.model,
                "languages": asked.languages,
                "strategy": "front",
                "strategy_args": "embeddings=true",
                "prefix": prefix,
                "realign_steps": asked.realign_steps,
                "finetune_steps": asked.finetune_steps,
                "finetune_lr": "5e-5",
                "seed": seed,
            }
            with TemporaryDirectory(prefix="alignfreeze-") as folder:
                found.append(ours(options, Path(folder))[1])
            print(f"seed {seed}: {prefix} {found[-1]:.2f}", flush=True)
    deviations = {name: statistics.stdev(found) for name, found in scores.items()}
    means = {name: statistics.mean(found) for name, found in scores.items()}
    each = "; ".join(
        f"{name} {', '.join(f'{score:.2f}' for score in found)}" for name, found in scores.items()
    )
    record(
        "`prefix=cached` against `prefix=exact`",
        [
            Result(
                "mean accuracy of PoS, %",
                f"{means['cached']:.2f} ± {deviations['cached']:.2f}",
                f"{means['exact']:.2f} ± {deviations['exact']:.2f}",
                abs(means["cached"] - means["exact"]) / max(deviations.values()),
                "<= 1",
                "the ratio is the difference over the larger standard deviation of the seeds",
            )
        ],
        f"Seed by seed: {each}.",
    )


if __name__ == "__main__":
    main()
