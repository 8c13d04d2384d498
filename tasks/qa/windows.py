"""Rows of a question and a window of its context, cut so that neighbours overlap."""

import logging
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts import Feature
from alignfreeze.errors import ConfigError, EncoderError

from .squad import AnsweredQuestion
from .template import PairTemplate

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

CHUNK = 1024
"""Questions whose texts are tokenized at a time, which bounds memory."""

OUTSIDE = -1
"""Both ends of the character range of a subword that is not the context's."""


@dataclass(frozen=True, kw_only=True)
class Window(Feature):
    """A row with the characters of the context that its subwords stand for.

    Attributes:
        offsets: Characters ``[start, end)`` of each subword of the context, (-1, -1) for every
            other subword; of shape (subwords, 2).
    """

    offsets: NDArray[np.int32] = field(compare=False)

    @property
    def holds_answer(self) -> bool:
        """Whether the targets point to an answer, and not to the first token."""
        start = self.targets["start_positions"]
        assert isinstance(start, int)
        return bool(self.offsets[start, 0] != OUTSIDE)


@dataclass(frozen=True)
class Subwords:
    """A text in subwords, without special tokens.

    Attributes:
        ids: Their ids.
        offsets: Characters ``[start, end)`` of each, of shape (subwords, 2).
    """

    ids: list[int]
    offsets: NDArray[np.int32]


def windows_of(
    examples: Sequence[AnsweredQuestion],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_length: int,
    stride: int,
    question_length: int,
) -> list[Window]:
    """Cut each question's context into windows, and put the question before each.

    Targets are the first and the last subword of the first answer, or twice the row's first
    token where the window does not hold that answer wholly.

    Args:
        examples: The questions.
        tokenizer: A fast tokenizer.
        max_length: Subwords of a row, special tokens included.
        stride: Subwords that neighbouring windows share; at most half of a window.
        question_length: Subwords of the longest question, and at most half of a row; what is
            beyond them is cut off.

    Raises:
        EncoderError: If the tokenizer does not tell which characters a subword stands for.
        ConfigError: If rows are too short for a question and a context.
    """
    if not tokenizer.is_fast:
        name = type(tokenizer).__name__
        raise EncoderError(f"question answering needs a fast tokenizer, got {name}")
    template = PairTemplate.of(tokenizer)
    room = max_length - template.count
    if room < 2:
        least = template.count + 2
        raise ConfigError(f"max_length must be at least {least} for questions, got {max_length}")
    longest = min(question_length, room // 2)
    rows: list[Window] = []
    cut = shortened = 0
    for begin in range(0, len(examples), CHUNK):
        chunk = examples[begin : begin + CHUNK]
        questions = _subwords((example.question for example in chunk), tokenizer)
        contexts = _subwords((example.context for example in chunk), tokenizer)
        for index, example in enumerate(chunk, start=begin):
            question, context = questions[example.question].ids, contexts[example.context]
            cut += len(question) > longest
            question = question[:longest]
            answer = _answer(example, context.offsets)
            ranges = cuts(len(context.ids), room - len(question), stride)
            shortened += len(ranges) > 1 and stride > (room - len(question)) // 2
            for start, end in ranges:
                rows.append(_row(index, question, context, (start, end), answer, template))
    if cut:
        logger.warning("%d of %d questions cut to %d subwords", cut, len(examples), longest)
    if shortened:
        logger.warning(
            "stride %d is over half of a window for %d of %d questions, whose windows share half",
            stride,
            shortened,
            len(examples),
        )
    return rows


def _subwords(texts: Iterable[str], tokenizer: "PreTrainedTokenizerBase") -> dict[str, Subwords]:
    """The subwords of each different text."""
    different = list(dict.fromkeys(texts))
    encoded = tokenizer(
        different,
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        verbose=False,
    )
    return {
        text: Subwords(ids, np.array(offsets, dtype=np.int32).reshape(-1, 2))
        for text, ids, offsets in zip(
            different, encoded["input_ids"], encoded["offset_mapping"], strict=True
        )
    }


def _answer(example: AnsweredQuestion, offsets: NDArray[np.int32]) -> tuple[int, int] | None:
    """First and last subword of the first answer; ``None`` if no subword stands for any of it."""
    text = example.answers[0]
    start = example.starts[0] + len(text) - len(text.lstrip())
    end = start + len(text.strip())
    first = int(np.searchsorted(offsets[:, 1], start, side="right"))
    last = int(np.searchsorted(offsets[:, 0], end, side="left")) - 1
    return (first, last) if first <= last else None


def cuts(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Cut a context into overlapping windows.

    Args:
        length: Subwords of the context.
        room: Subwords of a window, at least 1.
        stride: Subwords that neighbours share; at most half of a window, so that no subword
            is in more than two.

    Returns:
        Half-open ranges that cover the context, at least one; only the last may be smaller than
        ``room``.
    """
    step = room - min(stride, room // 2)
    last = max(length - room, 0)
    begins = range(0, last + step, step)
    return [(begin, min(begin + room, length)) for begin in begins]


def _row(
    example: int,
    question: list[int],
    context: Subwords,
    window: tuple[int, int],
    answer: tuple[int, int] | None,
    template: PairTemplate,
) -> Window:
    """The row of one window, ``[start, end)`` in subwords of the context."""
    start, end = window
    ids = array("i", template.wrap(question, context.ids[start:end]))
    shift = len(template.ids[0]) + len(question) + len(template.ids[1]) - start
    offsets = np.full((len(ids), 2), OUTSIDE, dtype=np.int32)
    offsets[shift + start : shift + end] = context.offsets[start:end]
    held = answer is not None and start <= answer[0] and answer[1] < end
    first, last = (shift + answer[0], shift + answer[1]) if answer and held else (0, 0)
    types = template.wrapped_types(len(question), end - start)
    return Window(
        input_ids=ids,
        targets={"start_positions": first, "end_positions": last},
        example=example,
        extra_inputs=None if types is None else {"token_type_ids": types},
        offsets=offsets,
    )
