"""Answers that are a part of a text."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .networks import SavedNetwork


class _Candidates(NamedTuple):
    """Spans of one window: characters ``[start, end)`` of the context, and their scores."""

    starts: Tensor
    ends: Tensor
    scores: Tensor


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
        self.max_length = int(options["max_length"])
        self.stride = int(options.get("stride", 64))
        self.question_length = int(options.get("question_length", 64))
        self.n_best = int(options.get("n_best", 20))
        self.answer_length = int(options.get("answer_length", 30))

    def __call__(self, questions: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """The answer to each ``question`` in its ``context``, and where it stands there."""
        rows: list[dict[str, Any]] = []
        windows = []
        for number, question in enumerate(questions):
            encoded = self._windows(question["question"], question["context"])
            for index, (ids, offsets) in enumerate(
                zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
            ):
                types = {n: encoded[n][index] for n in ("token_type_ids",) if n in encoded}
                rows.append({"input_ids": ids, **types})
                within = [owner == 1 for owner in encoded.sequence_ids(index)]
                windows.append((number, torch.tensor(offsets), torch.tensor(within)))
        found: list[list[_Candidates]] = [[] for _ in questions]
        outputs = self.network.outputs(rows)
        for (number, offsets, held), output in zip(windows, outputs, strict=True):
            found[number].append(self._candidates(output, offsets, held))
        return [
            _best(question["context"], spans)
            for question, spans in zip(questions, found, strict=True)
        ]

    def _windows(self, question: str, context: str) -> Any:
        """A question before each window of its context, with what the subwords stand for."""
        tokenizer = self.network.tokenizer
        room = self.max_length - tokenizer.num_special_tokens_to_add(pair=True)
        longest = min(self.question_length, room // 2)
        own = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
        if len(own["input_ids"]) > longest:
            question = question[: own["offset_mapping"][longest - 1][1]]
        asked = min(len(own["input_ids"]), longest)
        return tokenizer(
            question,
            context,
            truncation="only_second",
            max_length=self.max_length,
            stride=min(self.stride, (room - asked) // 2),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )

    def _candidates(
        self, output: Mapping[str, Tensor], offsets: Tensor, held: Tensor
    ) -> _Candidates:
        """The spans between the best starts and ends of a window."""
        places = held.nonzero().flatten()
        first, last = (
            output[name].float()[places].topk(min(self.n_best, len(places)))
            for name in ("start_logits", "end_logits")
        )
        lengths = last.indices[None, :] - first.indices[:, None] + 1
        rows, columns = ((lengths >= 1) & (lengths <= self.answer_length)).nonzero().T
        starts = offsets[places[first.indices[rows]], 0]
        ends = offsets[places[last.indices[columns]], 1]
        return _Candidates(starts, ends, first.values[rows] + last.values[columns])


def _best(context: str, windows: Sequence[_Candidates]) -> dict[str, Any]:
    """The best span of all windows; an empty one where the ends of all come before the starts."""
    starts, ends, scores = (torch.cat(parts) for parts in zip(*windows, strict=True))
    if not len(scores):
        return {"answer": "", "score": 0.0, "start": 0, "end": 0}
    best = int(scores.argmax())
    text = context[int(starts[best]) : int(ends[best])]
    start = int(starts[best]) + len(text) - len(text.lstrip())
    answer = text.strip()
    score = float(scores.softmax(dim=0)[best])
    return {"answer": answer, "score": score, "start": start, "end": start + len(answer)}
