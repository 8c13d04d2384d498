"""Answers about each word of a text: its label, or its vector."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from ..text.words import REMOVES_MARKS, SpecialTokens, subwords_of, windows  # noqa: TID252
from .networks import SavedNetwork


class WordAnswers:
    """What a network says of each word, read as in training: at the subword that stands for it.

    Words are what stands between blanks. A long text is cut between words.

    Args:
        network: The network.
        options: ``max_length``, in subwords, and ``remove_marks``.
    """

    def __init__(self, network: SavedNetwork, options: Mapping[str, Any]) -> None:
        self.network = network
        self.max_length = int(options["max_length"])
        setattr(network.tokenizer, REMOVES_MARKS, bool(options["remove_marks"]))
        self.special = SpecialTokens.of(network.tokenizer)

    def __call__(self, questions: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """For each text its words, each with what is said of it."""
        texts = [question["text"].split() for question in questions]
        rows, places = [], []
        for number, subwords in enumerate(subwords_of(texts, self.network.tokenizer)):
            for start, end in windows(subwords, self.max_length - self.special.count):
                ids, own = self.special.wrap(subwords, start, end, self.max_length)
                rows.append({"input_ids": ids})
                places.append((number, start, own or [len(self.special.prefix)]))
        answers: list[dict[str, Any]] = [{"words": []} for _ in texts]
        outputs = self.network.outputs(rows)
        for (number, start, own), output in zip(places, outputs, strict=True):
            for place, said in enumerate(self.said(output, own), start):
                answers[number]["words"].append({"word": texts[number][place], **said})
        return answers

    def said(self, output: Mapping[str, Tensor], places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """What is said of the words that are at some places of a row."""
        raise NotImplementedError


class Tags(WordAnswers):
    """The most probable label of each word, and its probability."""

    def said(self, output: Mapping[str, Tensor], places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Label and score of each word."""
        scores, labels = output["logits"][places].float().softmax(dim=-1).max(dim=-1)
        for score, label in zip(scores.tolist(), labels.tolist(), strict=True):
            yield {"label": self.network.labels[label], "score": score}


class Vectors(WordAnswers):
    """The vector of each word in the last layer."""

    def said(self, output: Mapping[str, Tensor], places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The vector of each word."""
        for vector in output["last_hidden_state"][places].tolist():
            yield {"vector": vector}
