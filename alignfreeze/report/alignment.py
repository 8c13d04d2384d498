"""Word alignment accuracy by layer, where realignments have measured it."""

import re
from collections.abc import Mapping, Sequence
from statistics import mean

from alignfreeze.preparation import BASELINE
from alignfreeze.report.runs import Result, is_realignment

NAME = re.compile(r"alignment/(?P<stage>[^/]+)/(?P<language>[^/]+)/layer_(?P<layer>\d+)")
PRETRAINED = "pretrained"
"""The stage before realignment, which is what the baseline fine-tunes."""

Layers = dict[str, dict[str, dict[int, float]]]


def alignment_by_layer(found: Mapping[Result, str], variants: Sequence[str]) -> Layers:
    """Strong alignment after realignment, and, for the baseline, before it; means over seeds.

    Args:
        found: Results of one model and task, the newest first, and their variants; the
            realignments among them have measured. Of several of a seed the newest counts.
        variants: The variants to look for.

    Returns:
        By variant, language and layer; fractions in [0, 1].
    """
    values: dict[tuple[str, str, int], dict[int, float]] = {}
    for result, own in found.items():
        if not is_realignment(result.run) or result.run.status != "FINISHED":
            continue
        for name, value in result.run.metrics.items():
            match = NAME.fullmatch(name)
            if match is None:
                continue
            variant = BASELINE if match["stage"] == PRETRAINED else own
            of_seeds = values.setdefault((variant, match["language"], int(match["layer"])), {})
            of_seeds.setdefault(result.seed, value)
    layers: Layers = {}
    for (variant, language, layer), scores in values.items():
        if variant in variants:
            layers.setdefault(variant, {}).setdefault(language, {})[layer] = mean(scores.values())
    return layers
