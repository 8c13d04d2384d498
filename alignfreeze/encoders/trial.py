"""Whether an encoder and its tokenizer work together, tried before anything depends on it."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from alignfreeze.contracts import SpecialTokens
from alignfreeze.encoders.accelerator import on_accelerator
from alignfreeze.encoders.families import (
    REMEDIES,
    hidden_size,
    layer_count,
    who,
    word_states,
)
from alignfreeze.encoders.loading import model_with_head
from alignfreeze.encoders.stated import resolve_layers
from alignfreeze.errors import EncoderError, one_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

HEAD_DEVIATION = 0.02
"""Of the weights of a head that is only tried."""

SAME = 0.1
"""How far a row's output may be from what it is beside a longer row, as a part of its norm."""

LENGTHS = (9, 5)
"""Subwords of the rows of the small batch, one of which is padded."""


def check_vocabulary(encoder: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Check that a table of word embeddings has a row for every id of the tokenizer.

    More rows than ids are no fault. Where there is no plain table (CANINE), `check_forward` tells.

    Raises:
        EncoderError: If ids are beyond the table.
    """
    try:
        table = encoder.get_input_embeddings()
    except NotImplementedError:
        return
    if not isinstance(table, nn.Embedding):
        return
    rows, vocabulary = table.num_embeddings, tokenizer.get_vocab()
    token = max(vocabulary, key=vocabulary.__getitem__)
    if vocabulary[token] >= rows:
        beyond = sum(number >= rows for number in vocabulary.values())
        raise EncoderError(
            f"{who(encoder)}: its tokenizer must be the one that it was made with: it has ids up "
            f"to {vocabulary[token]} ({token!r}), but the model {rows} embeddings, none for "
            f"{beyond} of the ids; if tokens were added, call resize_token_embeddings("
            "len(tokenizer)) before save_pretrained"
        )


@contextmanager
def untrained_head(
    encoder: "PreTrainedModel", name_or_path: str, auto_class: str, labels: tuple[str, ...]
) -> Iterator["PreTrainedModel"]:
    """Put an encoder below a head for a while, to try the two together.

    Like `loading.load_with_head`, but without another copy of the weights. A pooler that the
    encoder lacks it has meanwhile, if the head wants it.

    Raises:
        EncoderError: If there is no such head.
    """
    with torch.device("meta"):
        model = model_with_head(name_or_path, auto_class, labels)
    inner: Any = encoder
    lacks_pooler = getattr(inner, "pooler", inner) is None
    if lacks_pooler:
        inner.pooler = getattr(model.base_model, "pooler", None)
    setattr(model, model.base_model_prefix, inner)
    try:
        with torch.random.fork_rng(devices=[]):
            for module in model.modules():
                if any(weight.is_meta for weight in module.parameters(recurse=False)):
                    module.to_empty(device="cpu", recurse=False)
                    for weight in module.parameters(recurse=False):
                        nn.init.normal_(weight, std=HEAD_DEVIATION)
        yield model
    finally:
        if lacks_pooler:
            inner.pooler = None


@contextmanager
def computing(model: "PreTrainedModel", precision: Literal["bf16", "fp32"]) -> Iterator[None]:
    """Compute as a run does: on its device, in its precision; nothing is drawn or trained."""
    with (
        torch.random.fork_rng(devices=[]),
        on_accelerator(model) as device,
        torch.no_grad(),
        torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"),
    ):
        yield


def check_forward(
    encoder: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    layers: Sequence[int],
    *,
    precision: Literal["bf16", "fp32"],
    longest: int,
) -> None:
    """Run an encoder on a small batch with padding, and on one row as long as any will be.

    If padding changes what it says of the rest of a row, that is warned of.

    Args:
        encoder: The encoder, in evaluation mode.
        tokenizer: Its tokenizer; its last id is among those that are read.
        layers: The layers whose outputs will be wanted.
        precision: That of the run.
        longest: Subwords of the long row.

    Raises:
        EncoderError: If it fails, or if what it returns has another shape than words' vectors, or
            is not finite.
    """
    rows = _rows(tokenizer, (*LENGTHS, longest))
    arguments = encoder, rows, tokenizer.pad_token_id or 0, layers
    try:
        _check_rows(*arguments, precision)
    except EncoderError as error:
        if precision == "fp32":
            raise
        try:
            _check_rows(*arguments, "fp32")  # says why, if the precision is not the reason
        except RuntimeError:  # a GPU that has failed fails from then on
            raise error from None
        raise EncoderError(f"{error}; it works with precision=fp32") from error


def _check_rows(
    encoder: "PreTrainedModel",
    rows: Sequence[Sequence[int]],
    padding: int,
    layers: Sequence[int],
    precision: Literal["bf16", "fp32"],
) -> None:
    """Run an encoder on all rows but the last together, on the last of these alone, on the last."""
    with computing(encoder, precision):
        beside, alone, _ = (
            _states(encoder, chosen, padding, layers, precision)
            for chosen in (rows[:-1], rows[-2:-1], rows[-1:])
        )
    own, among = alone[-1][0], beside[-1][-1, : len(rows[-2])]
    if (own - among).norm() > SAME * own.norm():
        logger.warning(
            "%s (%s): what it says of a sentence depends on how long the others in its batch are, "
            "since it reads padding; so scores will depend on the sizes of batches",
            *(who(encoder), type(encoder).__name__),
        )


def _rows(tokenizer: "PreTrainedTokenizerBase", lengths: Iterable[int]) -> list[list[int]]:
    """Ids of so many subwords, special tokens included, the last id that is no such token too."""
    special = SpecialTokens.of(tokenizer)
    known = sorted({*tokenizer.get_vocab().values()}.difference(tokenizer.all_special_ids))
    words = cycle([known[-1], known[0], known[len(known) // 2]])
    bodies = [list(islice(words, max(length - special.count, 1))) for length in lengths]
    return [[*special.prefix, *body, *special.suffix] for body in bodies]


def _states(
    encoder: "PreTrainedModel",
    chosen: Sequence[Sequence[int]],
    padding: int,
    layers: Sequence[int],
    precision: str,
) -> list[torch.Tensor]:
    """The outputs of layers for some rows, checked."""
    rows, length = len(chosen), max(map(len, chosen))
    ids = torch.tensor([[*row, *[padding] * (length - len(row))] for row in chosen])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in chosen])
    ids, mask = ids.to(encoder.device), mask.to(encoder.device)
    tried = f"{'a row' if rows == 1 else f'{rows} rows'} of {length} subwords in {precision}"
    named = f"{who(encoder)} ({type(encoder).__name__})"
    size = hidden_size(encoder)
    resolved = resolve_layers(tuple(layers), layer_count(encoder))
    try:
        outputs = word_states(encoder, ids, mask, resolved)
    except Exception as error:
        hint = REMEDIES.get(encoder.config.model_type, "") if precision == "fp32" else ""
        if length > max(LENGTHS):
            hint = f"rows of {max(LENGTHS)} work, so a smaller max_length may"
        raise EncoderError(
            f"{named} fails on {tried}: {one_line(error)}{hint and '; '}{hint}"
        ) from error
    for layer, states in zip(resolved, outputs, strict=True):
        if states.shape != (rows, length, size):
            raise EncoderError(
                f"{named}: the output of layer {layer} for {tried} must have a vector of {size} "
                f"numbers for each, its shape is {tuple(states.shape)}"
            )
        if not states[mask.bool()].isfinite().all():
            raise EncoderError(
                f"{named}: the output of layer {layer} for {tried} must be finite, and is not"
            )
    return outputs
