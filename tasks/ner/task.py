"""The task: its files, its entities and their scores."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from alignfreeze.config import Names
from alignfreeze.contracts import (
    PUBLISHED_LANGUAGES,
    SPLIT_FILES,
    Examples,
    Feature,
    HubSplit,
    Layout,
    Outcomes,
    Parts,
    Prediction,
    Split,
    TaggedSentence,
    TaggingTask,
    counted,
    right_words,
    tagged_words,
)

from .prefixes import without_prefixes
from .schemes import as_iob2, entities

TYPES = ("PER", "ORG", "LOC")
"""Persons, organizations and locations: what WikiANN has."""

REPOSITORY = "unimelb-nlp/wikiann"
REVISION = "f0a3be6dc5564c0cc4150bb660144800a1f539d4"

ENDINGS = ("", ".txt", ".conll", ".bio", ".iob", ".iob2")
"""Endings of files beside ``.tsv``; WikiANN's original ones have none."""

CONLL_NAMES: dict[Split, str] = {"train": "train", "validation": "testa", "test": "testb"}
"""Endings in CoNLL-2002 and CoNLL-2003, such as ``eng.testb``."""

PROPOSED = 600
"""How many characters of types a message proposes; a file that needs more is another kind."""

VALIDATION_NAMES = ("dev", "valid", "validation")


def _types(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must name at least one type of entities")
    for name in names:
        if not re.fullmatch(r"\S+", name) or re.match(r"[BIESLUMW]-|O$", name):
            raise ValueError(f"must be types such as PER, not tags: {name!r}")
    return names


class NamedEntityRecognition(TaggingTask):
    """Tags persons, organizations and locations; scored by whole entities and by tokens."""

    model_config = ConfigDict(serialize_by_alias=True)

    folder: ClassVar[str] = "ner"
    suffix: ClassVar[str] = ".tsv"
    layouts: ClassVar[tuple[Layout, ...]] = (
        *(
            Layout(f"ner/{{language}}/{{split}}{ending}", {**SPLIT_FILES, "validation": name})
            for ending in (".tsv", *ENDINGS)
            for name in VALIDATION_NAMES
        ),
        Layout("ner/{language}/*.{split}", CONLL_NAMES),
        Layout("panx/{split}-{language}.tsv"),
        Layout("panx_dataset/{language}/{split}"),
        *(Layout(f"{folder}UNER_*/{{language}}_*-ud-{{split}}.iob2") for folder in ("ner/", "")),
    )
    languages: ClassVar[tuple[str, ...]] = PUBLISHED_LANGUAGES
    primary_metric: ClassVar[str] = "f1"
    columns: ClassVar[tuple[str, ...]] = ("tokens", "ner_tags")
    numbered: ClassVar[bool] = True

    types: Annotated[Names, AfterValidator(_types)] = Field(default=TYPES, alias="labels")
    """The types of entities, ``ner.labels``; the tags of the head follow from them."""

    other: Literal["error", "O"] = "error"
    """What entities of another type are: an error, or no entities."""

    @property
    def labels(self) -> tuple[str, ...]:  # type: ignore[override]
        """The tags: outside, and beginning and inside of each type."""
        return "O", *(f"{mark}-{name}" for name in self.types for mark in "BI")

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """WikiANN has all three splits of every language, by the names used here."""
        if language not in ("en", *self.languages):
            return None
        return HubSplit(REPOSITORY, language, split, self.columns, REVISION)

    def read_text(self, path: Path, language: str) -> Examples[TaggedSentence]:
        """Read a word and its tag a line, in columns, with an empty line between sentences.

        Raises:
            DataError: If the file is malformed; names the file and the line.
        """
        notes: Counter[str] = Counter()
        return Examples(tagged_words(path, notes), notes)

    def tag_name(self, tag: str | int) -> str:
        """The tag that a row's value stands for; numbers are tags of the published types alone."""
        if isinstance(tag, int) and self.types != TYPES:
            raise ValueError(
                f"tags must be names with ner.labels={','.join(self.types)}, got the number {tag}: "
                f"the order of numbers is known for {','.join(TYPES)} alone"
            )
        return super().tag_name(tag)

    def prepared(
        self, sentences: Sequence[TaggedSentence], notes: Counter[str]
    ) -> Sequence[TaggedSentence]:
        """The sentences without prefixes and in IOB2, with entities of the types alone."""
        whole = without_prefixes(sentences, notes)
        given = [sentence.tags for sentence in whole]
        tagged, known = as_iob2(given, notes), {*self.labels}
        if known.issuperset(chain.from_iterable(tagged)):
            return whole if tagged is given else _with_tags(whole, tagged)
        found = Counter(kind for tags in tagged for kind, _, _ in entities(tags))
        others = Counter({kind: n for kind, n in found.items() if kind not in self.types})
        if others and (self.other == "error" or len(others) == len(found)):
            raise ValueError(self._refusal(others, found))
        if others:
            notes[f"entities of other types, read as O: {counted(others)}"] = others.total()
        return _with_tags(
            whole, [tuple(tag if tag in known else "O" for tag in tags) for tags in tagged]
        )

    def _refusal(self, others: Counter[str], found: Counter[str]) -> str:
        """Why a file with other types of entities is not read."""
        own = [] if len(others) == len(found) else self.types
        wanted = ",".join([*own, *(kind for kind, _ in others.most_common())])
        message = f"tags {counted(others)} are none of the task's"
        if len(wanted) > PROPOSED:
            return f"{message}, {','.join(self.types)}"
        hint = ", or ner.other=O to read them as O" if own else ""
        return f"{message}: give ner.labels={wanted}{hint}"

    def counts(self, examples: Sequence[TaggedSentence]) -> dict[str, int]:
        """How many sentences, words and entities there are."""
        found = sum(len(entities(sentence.tags)) for sentence in examples)
        return {**super().counts(examples), "entities": found}

    def parts(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
    ) -> dict[str, Parts]:
        """Of each sentence its entities: found, there, and said; and its words, likewise.

        Entities are read from tags as seqeval does by default (as ``conlleval`` did): an
        ``I-`` tag without a beginning starts an entity.
        """
        there = [{*entities(tags)} for tags in gold]
        said = [{*entities(tags)} for tags in predicted]
        found = [len(right & own) for right, own in zip(there, said, strict=True)]
        n_there, n_said = [len(own) for own in there], [len(own) for own in said]
        both = [a + b for a, b in zip(n_there, n_said, strict=True)]
        return {
            "f1": Parts.of([2 * n for n in found], both),
            "precision": Parts.of(found, n_said),
            "recall": Parts.of(found, n_there),
            "accuracy": right_words(gold, predicted),
        }

    def score(self, gold: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
        """Micro-averaged precision, recall and F1 of entities, and token accuracy, as seqeval's."""
        return _scores(self.parts(gold, predicted))

    def scored(
        self,
        examples: Sequence[TaggedSentence],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> tuple[Mapping[str, float], Outcomes]:
        """Metrics and outcomes, the entities being read once."""
        outcomes = self.outcomes(examples, features, predictions)
        return _scores(outcomes.parts), outcomes


def _scores(parts: Mapping[str, Parts]) -> dict[str, float]:
    """Ratios of sums; F1 as seqeval computes it, to the last digit. By zero divided is 0."""
    values = {name: own.value for name, own in parts.items()}
    precision, recall = values["precision"], values["recall"]
    total = precision + recall
    return {**values, "f1": 2 * precision * recall / total if total else 0.0}


def _with_tags(
    sentences: Iterable[TaggedSentence], tags: Iterable[Sequence[str]]
) -> list[TaggedSentence]:
    pairs = zip(sentences, tags, strict=True)
    return [TaggedSentence(sentence.words, tuple(own)) for sentence, own in pairs]
