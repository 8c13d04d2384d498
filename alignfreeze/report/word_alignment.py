"""Word alignment accuracy by layer, where realignments have measured it."""

from collections.abc import Iterable, Mapping

from alignfreeze.config import BASELINE
from alignfreeze.report.results import REALIGN_SETTINGS, RUN_SETTINGS, Result, is_realignment
from alignfreeze.report.selection import differing
from alignfreeze.tracking.names import PRETRAINED, REALIGN_HASH, layers_in

Layers = dict[str, dict[str, dict[int, dict[int, float]]]]


def alignment_by_layer(shown: Mapping[Result, str], found: Iterable[Result]) -> Layers:
    """Strong alignment after realignment, and, for the baseline, before it, by seed.

    A realignment counts if it made the encoder of what is shown. Of several the newest counts.

    Args:
        shown: Results of one model and task that are in its table, and their variants.
        found: All results of that model, the newest first; the realignments among them have
            measured.

    Returns:
        By variant, language, layer (0 is the first) and seed; fractions in [0, 1].
    """
    layers: Layers = {}
    for result in found:
        own = variant_realigned(result, shown)
        if own is None or not is_realignment(result.run) or result.run.status != "FINISHED":
            continue
        for name, value in layers_in(result.run.metrics).items():
            # What the encoder was before realignment is what the baseline fine-tunes.
            variant = BASELINE if name.stage == PRETRAINED else own
            if name.kind == "alignment" and variant in shown.values():
                languages = layers.setdefault(variant, {}).setdefault(name.language, {})
                languages.setdefault(name.layer, {}).setdefault(result.seed, value)
    return layers


def variant_realigned(realignment: Result, shown: Mapping[Result, str]) -> str | None:
    """The variant whose encoder a realignment made, of its seed; ``None`` if none is shown."""
    return next((v for result, v in shown.items() if _made_encoder_of(realignment, result)), None)


def _made_encoder_of(realignment: Result, result: Result) -> bool:
    """Whether a realignment made what was fine-tuned: by its hash, of older runs by all settings.

    Not by the parent that both have, since an encoder may be taken over from another run; nor by
    the task, since tasks may share it.
    """
    if (result.strategy, result.seed) != (realignment.strategy, realignment.seed):
        return False
    made, used = (r.run.tags.get(REALIGN_HASH) for r in (realignment, result))
    if made is not None and used is not None:
        return made == used
    names = {*differing(realignment.settings, result.settings)}
    same = not names & {*RUN_SETTINGS, *REALIGN_SETTINGS}
    return same and realignment.task == result.task
