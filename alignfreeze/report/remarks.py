"""What a reader of a report's tables has to know, in words."""

from collections.abc import Iterable, Mapping, Sequence

from alignfreeze.config import BASELINE
from alignfreeze.report.score_tables import Block

Remarks = Mapping[str, Mapping[str, Sequence[str]]]
"""What a report has to say beside tables and figures: chapters of sections of lines."""


def left_out_of(block: Block) -> list[str]:
    """A sentence for each variant whose average is compared without some languages or seeds."""
    sentences = []
    for variant in block.compared:
        found = block.comparison(variant)
        seeds = {*block.seeds(variant), *block.seeds(BASELINE)} - found.own.keys()
        without = ", ".join([*found.without, *(f"seed {seed}" for seed in sorted(seeds))])
        if not found.own:
            languages = ", ".join(found.languages) or "a target language"
            sentences.append(
                f"The average of {variant} is not compared: there is no seed with which it and the "
                f"baseline both have {languages}."
            )
        elif without:
            sentences.append(f"The average of {variant} is compared without {without}.")
    return sentences


def mixture(versions: Sequence[str]) -> list[str]:
    """A sentence on what a table mixes several versions of; none where it does not."""
    return [f"Runs of several versions are mixed here: {'; '.join(versions)}."] if versions else []


def comparisons(blocks: Iterable[Block]) -> list[str]:
    """What averages are compared without, a line each, for all models and tasks."""
    return [f"{block.name}: {sentence}" for block in blocks for sentence in left_out_of(block)]
