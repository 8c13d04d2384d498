"""Word alignment accuracy by layer, where realignments have measured it."""

import re
from collections.abc import Sequence
from statistics import mean

from alignfreeze.preparation import BASELINE
from alignfreeze.report.runs import Result

NAME = re.compile(r"alignment/(?P<stage>[^/]+)/(?P<language>[^/]+)/layer_(?P<layer>\d+)")
PRETRAINED = "pretrained"
"""The stage before realignment, which is what the baseline fine-tunes."""

Layers = dict[str, dict[str, dict[int, float]]]


def alignment_by_layer(found: Sequence[Result], variants: Sequence[str]) -> Layers:
    """Strong alignment after realignment, and, for the baseline, before it; means over seeds.

    Args:
        found: Results of one model and task; the realignments among them have measured.
        variants: The variants to look for.

    Returns:
        By variant, language and layer; fractions in [0, 1].
    """
    values: dict[tuple[str, str, int], list[float]] = {}
    for result in found:
        if not result.run.name.startswith("realign") or result.run.status != "FINISHED":
            continue
        for name, value in result.run.metrics.items():
            match = NAME.fullmatch(name)
            if match is None:
                continue
            before = match["stage"] == PRETRAINED
            variant = BASELINE if before else result.strategy
            values.setdefault((variant, match["language"], int(match["layer"])), []).append(value)
    layers: Layers = {}
    for (variant, language, layer), scores in values.items():
        if variant in variants:
            layers.setdefault(variant, {}).setdefault(language, {})[layer] = mean(scores)
    return layers
