"""The names of what is measured layer by layer: curves, whose step is the layer."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from alignfreeze.tracking.names import language_part

LayerKind = Literal["alignment", "alignment_weak", "drift"]
LAYER_METRICS: Mapping[LayerKind, str] = {
    "alignment": "word_alignment",
    "alignment_weak": "word_alignment_weak",
    "drift": "word_drift",
}
"""What their metrics begin with: MLflow shows metrics by the alphabet, and scores go first."""


class LayerName(NamedTuple):
    """What is measured of a layer, from 0: strong (``alignment``) or weak word alignment, or drift.

    The stage is what the encoder has been through. The layer is the step of the metric, such as
    ``word_alignment/realigned/de``, so that one curve is one language.
    """

    kind: LayerKind
    stage: str
    language: str
    layer: int

    @property
    def metric(self) -> str:
        """What it is logged as, with the layer as the step."""
        return f"{LAYER_METRICS[self.kind]}/{self.stage}/{language_part(self.language)}"


def curves_in(metrics: Iterable[str]) -> dict[str, LayerName]:
    """The metrics of a run that are curves over layers, each with its first layer's name."""
    kinds = {begin: kind for kind, begin in LAYER_METRICS.items()}
    parts = {name: name.split("/") for name in metrics}
    return {
        name: LayerName(kinds[part[0]], part[1], part[2], 0)
        for name, part in parts.items()
        if len(part) == 3 and part[0] in kinds
    }


def single_layers_in(metrics: Mapping[str, float]) -> dict[LayerName, float]:
    """What was measured layer by layer, among the metrics of a run of version 0.1.0.

    Each layer had a metric of its own there: ``alignment/realigned/de/layer_3``.
    """
    found = {}
    for kind in LAYER_METRICS:
        own = (name.split("/") for name in metrics if name.startswith(f"{kind}/"))
        for _, stage, language, layer in (parts for parts in own if len(parts) == 4):
            number = layer.removeprefix("layer_")
            if number.isdecimal():
                name = LayerName(kind, stage, language, int(number))
                found[name] = metrics["/".join([kind, stage, language, layer])]
    return found
