"""What is known of each language beside its scores: drift, words, sentence pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Alignment = Mapping[str, Mapping[str, Mapping[int, Mapping[int, float]]]]
"""Values by variant, language, layer and seed."""


@dataclass(frozen=True)
class Covariates:
    """What is known of languages; a language, variant or seed without it is not there.

    Attributes:
        drift: How far layers moved in realignment, 1 - CKA; from layer 0, the first.
        pairs: By variant, language and seed, how many sentence pairs were realigned on.
        task_words: By `FERTILITY` and `UNKNOWN_WORDS`, then by language: subwords a word of the
            task's text, and the share of its words that are unknown to the tokenizer.
        parallel_words: The same of the parallel text.
    """

    drift: Alignment = field(default_factory=dict)
    pairs: Mapping[str, Mapping[str, Mapping[int, float]]] = field(default_factory=dict)
    task_words: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    parallel_words: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
