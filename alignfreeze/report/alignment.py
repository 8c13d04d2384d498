"""Word alignment accuracy by layer, where realignments have measured it."""

import re
from collections.abc import Iterable, Mapping
from statistics import mean

from alignfreeze.preparation import BASELINE
from alignfreeze.report.runs import REALIGN_SETTINGS, RUN_SETTINGS, Result, is_realignment
from alignfreeze.report.selection import differing

NAME = re.compile(r"alignment/(?P<stage>[^/]+)/(?P<language>[^/]+)/layer_(?P<layer>\d+)")
PRETRAINED = "pretrained"
"""The stage before realignment, which is what the baseline fine-tunes."""

Layers = dict[str, dict[str, dict[int, float]]]


def alignment_by_layer(shown: Mapping[Result, str], found: Iterable[Result]) -> Layers:
    """Strong alignment after realignment, and, for the baseline, before it; means over seeds.

    A realignment counts if what is shown was realigned like it: with the same strategy, seed and
    settings. Of several of one cell the newest counts.

    Args:
        shown: Results of one model and task that are in its table, and their variants.
        found: All results of that model and task, the newest first; the realignments among them
            have measured.

    Returns:
        By variant, language and layer (0 is the first); fractions in [0, 1].
    """
    values: dict[tuple[str, str, int], dict[int, float]] = {}
    for result in found:
        own = variant_realigned(result, shown)
        if own is None or not is_realignment(result.run) or result.run.status != "FINISHED":
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
        if variant in shown.values():
            layers.setdefault(variant, {}).setdefault(language, {})[layer] = mean(scores.values())
    return layers


def variant_realigned(realignment: Result, shown: Mapping[Result, str]) -> str | None:
    """The variant whose encoder, of the same seed, a realignment made; ``None`` if none is shown.

    It is found by settings, since a fine-tuning may have taken its encoder over from another run.
    """
    for result, variant in shown.items():
        names = differing(realignment.settings, result.settings)
        if (result.strategy, result.seed) == (realignment.strategy, realignment.seed) and not {
            *names
        } & {*RUN_SETTINGS, *REALIGN_SETTINGS}:
            return variant
    return None
