"""Which answer is said to each question, and what it scores."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from alignfreeze.contracts import (
    Feature,
    Outcomes,
    Parts,
    Prediction,
    Span,
    best_span,
    candidate_spans,
)

from .answers import AnsweredQuestion
from .scoring import best, exact_match, f1, own_tokens, squad_tokens
from .windows import Window

SCORES = {"f1": f1, "exact_match": exact_match}
SQUAD_SUFFIX = "_squad"
"""Ends the names of scores by SQuAD's script in every language."""


def window(feature: Feature) -> Window:
    """A row of this task, as what it is."""
    assert isinstance(feature, Window), f"not a row of this task: {type(feature).__name__}"
    return feature


def chosen_answers(
    examples: Sequence[AnsweredQuestion],
    features: Sequence[Feature],
    predictions: Sequence[Prediction],
    *,
    n_best: int,
    answer_length: int,
) -> list[str]:
    """The predicted answer to each question, as it stands in the context.

    It is the best span of all windows; of spans that score the same, that of the first window.
    There is always one (SQuAD 1.1 has no question without an answer), unless no pair of the best
    starts and ends is a span; then the answer is empty.
    """
    spans: list[Span | None] = [None] * len(examples)
    for feature, prediction in zip(features, predictions, strict=True):
        starts, ends = (np.asarray(part, dtype=np.float32) for part in prediction)
        tried = candidate_spans(
            starts, ends, window(feature).offsets, n_best=n_best, answer_length=answer_length
        )
        span = best_span(tried)
        known = spans[feature.example]
        if span is not None and (known is None or span.score > known.score):
            spans[feature.example] = span
    return [
        "" if span is None else example.context[span.start : span.end].strip()
        for span, example in zip(spans, examples, strict=True)
    ]


def outcomes_of(predicted: Sequence[str], examples: Sequence[AnsweredQuestion]) -> Outcomes:
    """The right answers of each question, the one that was said, and its scores."""
    scores: dict[str, list[float]] = {
        name + suffix: [] for suffix in ("", SQUAD_SUFFIX) for name in SCORES
    }
    for text, example in zip(predicted, examples, strict=True):
        own = partial(own_tokens, language=example.language)
        for suffix, tokenize in (("", own), (SQUAD_SUFFIX, squad_tokens)):
            for name, score in SCORES.items():
                scores[name + suffix].append(best(score, tokenize, text, example.answers))
    parts = {name: Parts.of(own) for name, own in scores.items()}
    return Outcomes([example.answers for example in examples], predicted, parts)


def means(outcomes: Outcomes) -> dict[str, float]:
    """The mean of each score over the questions, added up one after the other."""
    return {
        name: float(np.add.accumulate(own.numerator)[-1]) / len(outcomes)
        for name, own in outcomes.parts.items()
    }
