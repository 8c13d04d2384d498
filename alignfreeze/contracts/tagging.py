"""The shared half of tasks that give each word of a sentence a tag."""

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alignfreeze.contracts.examples import Examples, Feature
from alignfreeze.contracts.guarding import may_raise
from alignfreeze.contracts.outcomes import Outcomes, Parts
from alignfreeze.contracts.tagged_lines import TaggedSentence
from alignfreeze.contracts.task import Prediction, Task
from alignfreeze.errors import DataError
from alignfreeze.messages import counted
from alignfreeze.text.files import DOCUMENT_START, ZERO_WIDTH
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


WITHHELD = "_"
"""What stands for each word where a treebank's text may not be given out."""

INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}
"""Unicode's categories of characters that show nothing."""


class TaggingTask(Task):
    """Token classification over words: the subword that stands for each carries its tag.

    A subclass gives `labels`, `read_text` (a list of `TaggedSentence`), `parts` or `score`, and
    `columns`: those of the words and of the tags. Its reader takes tags as they are: `read` looks
    at those of a whole file.
    """

    auto_class: ClassVar[str] = "AutoModelForTokenClassification"
    unlabelled: ClassVar[str | None] = None
    """A tag in the hub's rows that says that the word is to be left out."""

    numbered: ClassVar[bool] = False
    """Whether tags that are numbers without names are in the order of `labels`."""

    def read(self, path: Path, language: str) -> Examples[TaggedSentence]:
        """Read a file, and see to its words and tags as a whole.

        Raises:
            DataError: If it is malformed, most of its words are withheld, or it has other tags
                than the task; names the file.
        """
        found = super().read(path, language)
        notes = Counter(getattr(found, "notes", {}))
        try:
            sentences = self.prepared(_with_text(found, notes), notes)
        except ValueError as error:
            raise DataError(str(error), file=path) from None
        return Examples(_sharing_texts(sentences), notes)

    @may_raise(ValueError)
    def prepared(
        self, sentences: Sequence[TaggedSentence], notes: Counter[str]
    ) -> Sequence[TaggedSentence]:
        """A file's sentences as the task has them, with tags that are all among `labels`.

        Args:
            sentences: As the file has them.
            notes: Where to count what was mended or read as something else, by what it is.

        Raises:
            ValueError: If there are other tags; lists them.
        """
        found = _tag_counts(sentences)
        if other := Counter({tag: n for tag, n in found.items() if tag not in self.labels}):
            known = " ".join(self.labels)
            raise ValueError(f"tags {counted(other)} are none of the task's: {known}")
        return sentences

    def counts(self, examples: Sequence[TaggedSentence]) -> dict[str, int]:
        """How many sentences and words there are."""
        return {
            "sentences": len(examples),
            "words": sum(len(sentence.words) for sentence in examples),
        }

    def label_counts(self, examples: Sequence[TaggedSentence]) -> dict[str, int]:
        """How often each tag occurs, in the order of `labels`."""
        found = _tag_counts(examples)
        return {label: found[label] for label in self.labels if label in found}

    def from_row(self, row: Mapping[str, Any], language: str) -> TaggedSentence | None:
        """A sentence from the hub's columns; one without words is left out.

        Tags are names, as the file has them, or numbers where the task is `numbered`.
        """
        words, tags = (row[name] for name in self.columns)
        if not (isinstance(words, list) and isinstance(tags, list)):
            raise ValueError(f"words and tags must be lists, got {words!r:.60} and {tags!r:.60}")
        if len(words) != len(tags):
            raise ValueError(f"words and tags must be as many, got {len(words)} and {len(tags)}")
        skipped = () if self.unlabelled is None else (self.unlabelled,)
        places = [n for n, tag in enumerate(tags) if tag not in skipped]
        names = tuple(self.tag_name(tags[n]) for n in places)
        forms = tuple(words[n] for n in places)
        for word in forms:
            if not (word and isinstance(word, str)):
                raise ValueError(f"a word must be a text that is not empty, got {word!r:.60}")
        return TaggedSentence(words=forms, tags=names) if forms else None

    @may_raise(ValueError)
    def tag_name(self, tag: str | int) -> str:
        """The tag that a row's value stands for.

        Raises:
            ValueError: If it stands for none.
        """
        if self.numbered and type(tag) is int and 0 <= tag < len(self.labels):
            return self.labels[tag]
        if not (tag and isinstance(tag, str)):
            raise ValueError(f"a tag must be one of {' '.join(self.labels)}, got {tag!r:.60}")
        return tag

    def parts(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
    ) -> dict[str, Parts]:
        """The part of each sentence in those metrics that are ratios of sums; by default none."""
        return {}

    def score(self, gold: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
        """Metrics of predicted tags, sentence by sentence and word by word.

        By default those that `parts` has.
        """
        parts = self.parts(gold, predicted)
        if not parts:
            raise NotImplementedError
        return {name: own.value for name, own in parts.items()}

    def texts(self, example: TaggedSentence) -> Mapping[str, str]:
        """The sentence, its words separated by blanks."""
        return {"text": " ".join(example.words)}

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
                labels = array("i", [IGNORED_LABEL]) * len(ids)
                positions = places or [len(special.prefix)]
                for word, position in zip(range(start, end), positions, strict=True):
                    labels[position] = label_ids[tags[word]]
                targets = {"labels": labels}
                features.append(Feature(array("i", ids), targets, example=index))
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
        return self.score(*self._tags(examples, features, predictions))

    def outcomes(
        self,
        examples: Sequence[Any],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> Outcomes:
        """The tags of each sentence, right and said, and its `parts`."""
        gold, predicted = self._tags(examples, features, predictions)
        return Outcomes(gold, predicted, self.parts(gold, predicted))

    def _tags(
        self,
        examples: Sequence[TaggedSentence],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> tuple[list[list[str]], list[list[str]]]:
        """The tags of each sentence's words: the right ones, and those that were said."""
        predicted: list[list[str]] = [[] for _ in examples]
        names = self.labels
        for feature, (label_ids,) in zip(features, predictions, strict=True):
            labels = feature.targets["labels"]
            assert not isinstance(labels, int)
            predicted[feature.example] += [
                names[int(label_ids[position])]
                for position, label in enumerate(labels)
                if label != IGNORED_LABEL
            ]
        return [list(example.tags) for example in examples], predicted


def _sharing_texts(sentences: Iterable[TaggedSentence]) -> Iterator[TaggedSentence]:
    """The sentences, what is the same text being the same object: most words occur again."""
    known: dict[str, str] = {}
    for sentence in sentences:
        words, tags = (
            tuple(known.setdefault(text, text) for text in texts)
            for texts in (sentence.words, sentence.tags)
        )
        yield replace(sentence, words=words, tags=tags)


def _tag_counts(sentences: Iterable[TaggedSentence]) -> Counter[str]:
    return Counter(chain.from_iterable(sentence.tags for sentence in sentences))


def _with_text(
    sentences: Sequence[TaggedSentence], notes: Counter[str]
) -> Sequence[TaggedSentence]:
    """The sentences whose text is there.

    Raises:
        ValueError: If most words are withheld.
    """
    words = Counter(chain.from_iterable(sentence.words for sentence in sentences))
    total, withheld = words.total(), words[WITHHELD]
    if 2 * withheld > total:
        raise ValueError(
            f"must have the words of its text, got {WITHHELD!r} for {withheld:,} of {total:,} "
            f"({withheld / total:.0%}): the text is withheld, and the treebank's README says how "
            "to put it in"
        )
    odd = [word for word in words if not (word.isprintable() and word.strip())]
    invisible = {word for word in odd if not any(map(_is_visible, word))}
    held = {word for word in odd if not set(ZERO_WIDTH).isdisjoint(word)} - invisible
    notes["words without a visible character"] += sum(words[word] for word in invisible)
    notes["words that hold U+FEFF or U+200B, which have no width"] += sum(words[w] for w in held)
    present = [sentence for sentence in sentences if sentence.words != (DOCUMENT_START,)]
    notes[f"sentences of {DOCUMENT_START}, left out"] += len(sentences) - len(present)
    found = [s for s in present if len(s.words) == 1 or {*s.words} != {WITHHELD}]
    notes[f"sentences of nothing but {WITHHELD!r}, left out"] += len(present) - len(found)
    return found


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in INVISIBLE
