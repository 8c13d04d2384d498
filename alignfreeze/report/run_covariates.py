"""What runs tell of each language beside its scores."""

from collections.abc import Iterable, Sequence

from alignfreeze.report.covariates import Covariates
from alignfreeze.report.results import Result
from alignfreeze.tracking.curves import drift_by_layer
from alignfreeze.tracking.names import FERTILITY, UNKNOWN_WORDS, pairs_metric, words_metric


def covariates_of(
    finetuned: Sequence[Result], realigned: Sequence[tuple[str, Result]]
) -> Covariates:
    """What the runs of one model and task tell; of several of a kind, the newest.

    Args:
        finetuned: The fine-tunings, the newest first.
        realigned: The realignments of their encoders, each with its variant, the newest first.
    """
    languages = sorted({code for result in finetuned for code in _languages(result)})
    drift: dict[str, dict[str, dict[int, dict[int, float]]]] = {}
    pairs: dict[str, dict[str, dict[int, float]]] = {}
    for variant, result in realigned:
        for name, value in drift_by_layer(result.run).items():
            layers = drift.setdefault(variant, {}).setdefault(result.code_of(name), {})
            layers.setdefault(name.layer, {}).setdefault(result.seed, value)
        for code in languages:
            if (count := result.run.metrics.get(pairs_metric(code))) is not None:
                own = pairs.setdefault(variant, {}).setdefault(code, {})
                own.setdefault(result.seed, count)
    return Covariates(
        drift,
        pairs,
        _words(finetuned, languages),
        _words([result for _, result in realigned], languages),
    )


def _languages(result: Result) -> set[str]:
    return {code for metric in result.metrics for code in result.scores(metric)}


def _words(found: Iterable[Result], languages: Sequence[str]) -> dict[str, dict[str, float]]:
    """How words are read, by kind and language."""
    words: dict[str, dict[str, float]] = {FERTILITY: {}, UNKNOWN_WORDS: {}}
    for result in found:
        for kind, own in words.items():
            for code in languages:
                value = result.run.metrics.get(words_metric(code, kind))
                if value is not None:
                    own.setdefault(code, value)
    return words
