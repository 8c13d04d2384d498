"""Answers about whole texts: the class of one, or of a pair."""

from collections.abc import Mapping, Sequence
from typing import Any

from .networks import SavedNetwork


class Classes:
    """The most probable class of a text or of a pair of texts, and its probability.

    Args:
        network: The network.
        options: ``max_length``, in subwords: of what is longer, the longer text loses its end.
    """

    def __init__(self, network: SavedNetwork, options: Mapping[str, Any]) -> None:
        self.network = network
        self.max_length = int(options["max_length"])

    def __call__(self, questions: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Label and score of each ``text`` with its ``text_pair``, if it has one."""
        rows = []
        for question in questions:
            pair = [question["text_pair"]] if "text_pair" in question else []
            encoded = self.network.tokenizer(
                *(question["text"], *pair),
                truncation="longest_first" if pair else True,
                max_length=self.max_length,
                return_attention_mask=False,
            )
            rows.append(dict(encoded))
        answers = []
        for output in self.network.outputs(rows):
            score, label = output["logits"].float().softmax(dim=-1).max(dim=-1)
            name = self.network.labels[int(label)]
            answers.append({"label": name, "score": float(score)})
        return answers
