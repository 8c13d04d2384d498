"""Answers that are a part of a text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..text.offsets import TextSubwords, text_subwords, untrimmed  # noqa: TID252
from ..text.pairs import PairTemplate, cuts  # noqa: TID252
from ..text.spans import Candidates, best_span, candidate_spans  # noqa: TID252
from .networks import Row, SavedNetwork

Offsets = NDArray[np.int32]
"""Characters ``[start, end)`` of each subword of a row, of shape (subwords, 2)."""


class Spans:
    """The best span of a context, and its probability among all those that were weighed.

    A long context is read in windows that overlap.

    Args:
        network: The network.
        options: ``max_length``; and ``stride``, ``question_length``, ``n_best`` and
            ``answer_length`` as of the task ``qa``, all but ``n_best`` in subwords.
    """

    def __init__(self, network: SavedNetwork, options: Mapping[str, Any]) -> None:
        self.network = network
        self.tokenizer = untrimmed(network.tokenizer)
        self.template = PairTemplate.of(network.tokenizer)
        self.room = int(options["max_length"]) - self.template.count
        self.stride = int(options.get("stride", 64))
        self.question_length = min(int(options.get("question_length", 64)), self.room // 2)
        self.n_best = int(options.get("n_best", 20))
        self.answer_length = int(options.get("answer_length", 30))

    def __call__(self, questions: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """The answer to each ``question`` in its ``context``, and where it stands there."""
        texts = [text for asked in questions for text in (asked["question"], asked["context"])]
        subwords = text_subwords(texts, self.tokenizer)
        rows, windows = [], []
        for number, asked in enumerate(questions):
            words = subwords[asked["question"]].ids[: self.question_length]
            for row, offsets in self._windows(words, subwords[asked["context"]]):
                rows.append(row)
                windows.append((number, offsets))
        found: list[list[Candidates]] = [[] for _ in questions]
        outputs = self.network.outputs(rows)
        for (number, offsets), output in zip(windows, outputs, strict=True):
            found[number].append(self._candidates(output, offsets))
        return [
            _answer(asked["context"], spans) for asked, spans in zip(questions, found, strict=True)
        ]

    def _windows(self, question: list[int], context: TextSubwords) -> Iterator[tuple[Row, Offsets]]:
        """A question before each window of its context, with what the subwords stand for."""
        for start, end in cuts(len(context.ids), self.room - len(question), self.stride):
            ids = self.template.wrap(question, context.ids[start:end])
            types = self.template.wrapped_types(len(question), end - start)
            row = {"input_ids": ids} | ({} if types is None else {"token_type_ids": types})
            yield row, self.template.wrapped_offsets(len(question), context.offsets[start:end])

    def _candidates(self, output: Mapping[str, Tensor], offsets: Offsets) -> Candidates:
        """The spans of a window."""
        return candidate_spans(
            output["start_logits"][: len(offsets)].float().numpy(),
            output["end_logits"][: len(offsets)].float().numpy(),
            offsets,
            n_best=self.n_best,
            answer_length=self.answer_length,
        )


def _answer(context: str, windows: Sequence[Candidates]) -> dict[str, Any]:
    """The best span of all windows; an empty one where the ends of all come before the starts."""
    spans = Candidates(*(np.concatenate(parts) for parts in zip(*windows, strict=True)))
    best = best_span(spans)
    if best is None:
        return {"answer": "", "score": 0.0, "start": 0, "end": 0}
    text = context[best.start : best.end]
    start = best.start + len(text) - len(text.lstrip())
    answer = text.strip()
    score = 1 / float(np.exp(spans.scores - best.score).sum())
    return {"answer": answer, "score": score, "start": start, "end": start + len(answer)}
