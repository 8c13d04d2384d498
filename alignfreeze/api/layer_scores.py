"""Word alignment and drift of encoders in memory, layer by layer."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from alignfreeze.api.encoders import UserEncoder
from alignfreeze.api.options import ProbeOptions, configuration
from alignfreeze.api.sentences import Dictionaries, Pairs
from alignfreeze.api.word_links import AUTO, Linking
from alignfreeze.contracts import Aligner
from alignfreeze.encoders.families import layer_count
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import shown
from alignfreeze.probing.geometry import alignment_scores, drift_scores
from alignfreeze.probing.probes import WordProbe, WordVectors
from alignfreeze.runs.strategies import check_lengths
from alignfreeze.training.devices import lent_accelerator, resolve_precision
from alignfreeze.training.memory import memory_for

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ONE = "encoder"
"""What an encoder is called that was not given a name."""

MEMORY = ("eval_batch_size", "realign_max_length")
"""Options that decide how much memory it takes."""

COLUMNS = ("encoder", "language", "layer", "measure", "direction", "value", "words")


def probe(
    encoders: "PreTrainedModel | Mapping[str, PreTrainedModel]",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: Pairs,
    *,
    aligner: str | Aligner = AUTO,
    dictionaries: Dictionaries | None = None,
    **options: Unpack[ProbeOptions],
) -> pd.DataFrame:
    """Measure, by layer, whether words find their translations, and how far encoders have moved.

    At most 500 links of each language are sampled, always the same, none of whose words occurs
    twice. Take sentence pairs that were not realigned on.

    Args:
        encoders: A transformers model; or several by name, the first of which is what the others'
            drift is from. Realignment is in place: ``copy.deepcopy`` keeps what was before.
        tokenizer: Theirs.
        pairs: As `alignfreeze.realign` takes them.
        aligner: As there; but ``auto`` is never ``mutual``, since links by an encoder say of it
            what it says itself.
        dictionaries: As there.
        **options: Those of a run, by name and with its defaults (`RunConfig`):
            ``source_language``, ``aligner_args``, ``pair_limit``, ``pair_max_words``,
            ``pair_max_ratio``, ``pair_duplicates``, ``realign_max_length``, ``word_marks``,
            ``precision``, ``eval_batch_size``.

    Returns:
        A row for each number. ``measure`` is ``alignment``: how many of the ``words`` sampled have
        their translation as the nearest of all words, a fraction in [0, 1]; ``alignment_weak``:
        nearest among the words of the other language; or ``drift``: 1 - CKA, in [0, 1].
        ``direction`` is ``forward`` from the source language, ``backward`` to it, and of drift
        empty; layers count from 0.

    Raises:
        AlignFreezeError: If an encoder, the sentence pairs or an option is at fault; one line.

    Example:
        >>> import alignfreeze
        >>> demo = alignfreeze.load_demo(["de"], pairs=64)
        >>> scores = probe(
        ...     demo.encoder, demo.tokenizer, demo.pairs, dictionaries=demo.dictionaries,
        ...     realign_max_length=64,
        ... )
        >>> scores[scores.measure == "alignment"].groupby("layer").value.mean().index.tolist()
        [0, 1, 2, 3]
    """
    config = configuration("probe", ProbeOptions, options)
    named = encoders if isinstance(encoders, Mapping) else {ONE: encoders}
    if not named:
        raise ConfigError("encoders must name at least one, got an empty dict")
    remove_marks = config.word_marks == "removed"
    users = {n: UserEncoder.of(e, tokenizer, remove_marks=remove_marks) for n, e in named.items()}
    first, *others = users.values()
    if odd := [u for u in others if layer_count(u.encoder) != layer_count(first.encoder)]:
        counts = shown([layer_count(user.encoder) for user in (first, odd[0])])
        raise ConfigError(f"encoders must have as many layers each, got {counts}")
    for user in users.values():
        check_lengths(config, ["realign_max_length"], user.encoder, user.tokenizer)
    corpora, _ = Linking(aligner, dictionaries, config, first, by_itself=False).corpora(pairs)
    words = WordProbe(corpora, first.tokenizer, max_length=config.realign_max_length)
    if not words.samples:
        raise DataError("pairs must have 2 links or more whose words are all different")
    sizes = {sample.language: len(sample) for sample in words.samples}
    sizes[config.source_language] = sum(sizes.values())
    vectors = {}
    with ExitStack() as stack:
        accelerator = stack.enter_context(lent_accelerator(resolve_precision(config.precision)))
        stack.enter_context(memory_for("measuring alignment", config, MEMORY))
        for name, user in users.items():
            with user.in_evaluation():
                user.check(config, range(layer_count(user.encoder)))
                vectors[name] = words.vectors(user.encoder, accelerator, config.eval_batch_size)
    rows = [(*row, sizes[row[1]]) for row in _rows(vectors)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(
    vectors: Mapping[str, WordVectors],
) -> Iterator[tuple[str, str, int, str, str, float]]:
    """The rows of the table, but for how many words each is of."""
    before = next(iter(vectors.values()))
    for name, found in vectors.items():
        for stage, language, layer, kind, direction, value in alignment_scores(found, name):
            measure = "alignment_weak" if kind == "weak" else "alignment"
            yield stage, language, layer, measure, direction, value
        if found is not before:
            for moved in drift_scores(before, found, name):
                yield *moved[:3], "drift", "", moved.value
