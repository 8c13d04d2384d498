"""The shared half of tasks that give each word of a sentence a tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from alignfreeze.contracts.task import Feature, Prediction, Task
from alignfreeze.words import IGNORED_LABEL, SpecialTokens, subwords_of, windows

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase
    from transformers.utils.generic import ModelOutput


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence whose words have tags; both tuples have the same length, at least one."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


class TaggingTask(Task):
    """Token classification over words: the first subword of each carries its tag.

    A subclass gives `labels`, `load` (a list of `TaggedSentence`) and `score`.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"

    def score(self, gold: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
        """Metrics of predicted tags, sentence by sentence and word by word."""
        raise NotImplementedError

    def featurize(
        self,
        examples: Sequence[TaggedSentence],
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
    ) -> list[Feature]:
        """One row a sentence; a sentence too long is cut between words into several rows.

        Every word is in exactly one row, and carries its label on its first subword there.
        """
        special = SpecialTokens.of(tokenizer)
        label_ids = {label: number for number, label in enumerate(self.labels)}
        features = []
        for index, subwords in enumerate(subwords_of([e.words for e in examples], tokenizer)):
            tags = examples[index].tags
            for start, end in windows(subwords, max_length - special.count):
                ids, firsts = special.wrap(subwords, start, end, max_length)
                labels = [IGNORED_LABEL] * len(ids)
                for word, position in zip(range(start, end), firsts, strict=True):
                    labels[position] = label_ids[tags[word]]
                features.append(Feature(input_ids=ids, targets={"labels": labels}, example=index))
        return features

    def predict(self, outputs: "ModelOutput") -> "tuple[Tensor, ...]":
        """The most probable label of each subword, of shape (batch, subwords)."""
        return (outputs["logits"].argmax(dim=-1),)

    def metrics(
        self,
        examples: Sequence[Any],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """Put the windows of each sentence together again, and score its words."""
        predicted: list[list[str]] = [[] for _ in examples]
        for feature, (label_ids,) in zip(features, predictions, strict=True):
            labels = feature.targets["labels"]
            assert not isinstance(labels, int)
            predicted[feature.example] += [
                self.labels[int(label_ids[position])]
                for position, label in enumerate(labels)
                if label != IGNORED_LABEL
            ]
        return self.score([list(example.tags) for example in examples], predicted)
