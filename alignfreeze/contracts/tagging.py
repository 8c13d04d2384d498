"""The shared half of tasks that give each word of a sentence a tag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alignfreeze.contracts.task import Feature, Prediction, Task
from alignfreeze.text.words import (
    IGNORED_LABEL,
    SpecialTokens,
    WordCounts,
    count_words,
    subwords_of,
    summed,
    windows,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence whose words have tags; both tuples have the same length, at least one."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


class TaggingTask(Task):
    """Token classification over words: the subword that stands for each carries its tag.

    A subclass gives `labels`, `read_text` (a list of `TaggedSentence`), `score`, and `columns`:
    those of the words and of the tags.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    unlabelled: ClassVar[str | None] = None
    """A tag in the hub's rows that says that the word is to be left out."""

    numbered: ClassVar[bool] = False
    """Whether tags that are numbers without names are in the order of `labels`."""

    def from_row(self, row: Mapping[str, Any], language: str) -> TaggedSentence | None:
        """A sentence from the hub's columns; one without words is left out.

        Tags are names, or numbers where the task is `numbered`.
        """
        words, tags = (row[name] for name in self.columns)
        if not (isinstance(words, list) and isinstance(tags, list)):
            raise ValueError(f"words and tags must be lists, got {words!r} and {tags!r}")
        if len(words) != len(tags):
            raise ValueError(f"words and tags must be as many, got {len(words)} and {len(tags)}")
        skipped = () if self.unlabelled is None else (self.unlabelled,)
        places = [n for n, tag in enumerate(tags) if tag not in skipped]
        names = tuple(self._tag(tags[n]) for n in places)
        forms = tuple(words[n] for n in places)
        for word in forms:
            if not (word and isinstance(word, str)):
                raise ValueError(f"a word must be a text that is not empty, got {word!r}")
        return TaggedSentence(words=forms, tags=names) if forms else None

    def _tag(self, tag: str | int) -> str:
        if self.numbered and type(tag) is int and 0 <= tag < len(self.labels):
            return self.labels[tag]
        if tag not in self.labels:
            raise ValueError(f"a tag must be one of {' '.join(self.labels)}, got {tag!r}")
        return str(tag)

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

        Every word is in exactly one row, and carries its label on its representative there. A word
        alone in a row that is cut before its representative carries it on its first subword.
        """
        special = SpecialTokens.of(tokenizer)
        label_ids = {label: number for number, label in enumerate(self.labels)}
        features = []
        for index, subwords in enumerate(subwords_of([e.words for e in examples], tokenizer)):
            tags = examples[index].tags
            for start, end in windows(subwords, max_length - special.count):
                ids, places = special.wrap(subwords, start, end, max_length)
                labels = [IGNORED_LABEL] * len(ids)
                positions = places or [len(special.prefix)]
                for word, position in zip(range(start, end), positions, strict=True):
                    labels[position] = label_ids[tags[word]]
                features.append(Feature(input_ids=ids, targets={"labels": labels}, example=index))
        return features

    def word_counts(
        self, features: Sequence[Feature], tokenizer: "PreTrainedTokenizerBase"
    ) -> WordCounts:
        """How words are read; none is cut, since a long sentence has several rows."""
        counts = []
        for feature in features:
            places = np.flatnonzero(np.asarray(feature.targets["labels"]) != IGNORED_LABEL)
            ids = np.asarray(feature.input_ids)
            counts.append(count_words(ids, places, n_words=len(places), tokenizer=tokenizer))
        return summed(counts)

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
