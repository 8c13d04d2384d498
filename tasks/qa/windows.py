"""Rows of a question and a window of its context, cut so that neighbours overlap."""

import logging
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts import OUTSIDE, Feature, PairTemplate, TextSubwords, cuts, text_subwords
from alignfreeze.errors import ConfigError

from .answers import AnsweredQuestion
from .offsets import exact_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

CHUNK = 1024
"""Questions whose texts are tokenized at a time, which bounds memory."""


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
    exact = exact_tokenizer(tokenizer)
    template = PairTemplate.of(tokenizer)
    room = max_length - template.count
    if room < 2:
        least = template.count + 2
        raise ConfigError(f"max_length must be at least {least} for questions, got {max_length}")
    longest = min(question_length, room // 2)
    rows: list[Window] = []
    cut = shortened = partial = 0
    for begin in range(0, len(examples), CHUNK):
        chunk = examples[begin : begin + CHUNK]
        questions = text_subwords((example.question for example in chunk), exact)
        contexts = text_subwords((example.context for example in chunk), exact)
        for index, example in enumerate(chunk, start=begin):
            question, context = questions[example.question].ids, contexts[example.context]
            cut += len(question) > longest
            question = question[:longest]
            answer = _answer(example, context)
            partial += not _is_whole(example, context, answer)
            ranges = cuts(len(context.ids), room - len(question), stride)
            shortened += len(ranges) > 1 and stride > (room - len(question)) // 2
            for start, end in ranges:
                rows.append(_row(index, question, context, (start, end), answer, template))
    _warn(
        len(examples),
        {
            f"questions cut to {longest} subwords": cut,
            "questions have an answer of which no subword stands for a part": partial,
            f"questions have windows that share half, since stride {stride} is more": shortened,
        },
    )
    return rows


def _warn(total: int, counts: Mapping[str, int]) -> None:
    """Say how many of all questions something is true of."""
    for what, count in counts.items():
        if count:
            logger.warning("%d of %d %s", count, total, what)


def _answer(example: AnsweredQuestion, context: TextSubwords) -> tuple[int, int] | None:
    """First and last subword of the first answer; ``None`` if no subword stands for any of it."""
    start = example.starts[0]
    return context.within(start, start + len(example.answers[0]))


def _is_whole(
    example: AnsweredQuestion, context: TextSubwords, answer: tuple[int, int] | None
) -> bool:
    """Whether the subwords of the first answer stand for all of it."""
    start, end = example.starts[0], example.starts[0] + len(example.answers[0])
    if answer is None:
        return False
    return bool(context.offsets[answer[0], 0] <= start and end <= context.offsets[answer[1], 1])


def _row(
    example: int,
    question: list[int],
    context: TextSubwords,
    window: tuple[int, int],
    answer: tuple[int, int] | None,
    template: PairTemplate,
) -> Window:
    """The row of one window, ``[start, end)`` in subwords of the context."""
    start, end = window
    ids = array("i", template.wrap(question, context.ids[start:end]))
    shift = template.place_of_second(len(question)) - start
    offsets = template.wrapped_offsets(len(question), context.offsets[start:end])
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
