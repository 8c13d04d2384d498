"""Named-entity recognition on WikiANN."""

from pathlib import Path
from typing import ClassVar

from alignfreeze.contracts import (
    PUBLISHED_LANGUAGES,
    HubSplit,
    Split,
    TaggedSentence,
    TaggingTask,
    line_blocks,
)
from alignfreeze.errors import DataError

TAGS = "O B-PER I-PER B-ORG I-ORG B-LOC I-LOC"
"""Outside, beginning and inside of persons, organizations and locations."""

REPOSITORY = "unimelb-nlp/wikiann"
REVISION = "f0a3be6dc5564c0cc4150bb660144800a1f539d4"


class NamedEntityRecognition(TaggingTask):
    """Tags persons, organizations and locations; scored by whole entities and by tokens."""

    folder: ClassVar[str] = "ner"
    suffix: ClassVar[str] = ".tsv"
    languages: ClassVar[tuple[str, ...]] = PUBLISHED_LANGUAGES
    primary_metric: ClassVar[str] = "f1"
    columns: ClassVar[tuple[str, ...]] = ("tokens", "ner_tags")
    labels: ClassVar[tuple[str, ...]] = tuple(TAGS.split())
    numbered: ClassVar[bool] = True

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """WikiANN has all three splits of every language, by the names used here."""
        if language not in ("en", *self.languages):
            return None
        return HubSplit(REPOSITORY, language, split, self.columns, REVISION)

    def read_text(self, path: Path, language: str) -> list[TaggedSentence]:
        """Read ``token<TAB>tag`` lines, with an empty line between sentences.

        WikiANN's original files write ``en:token``; the prefix is cut off where every token of
        the file has it.

        Raises:
            DataError: If the file is malformed; names the file and the line.
        """
        blocks = [[_token(number, line, path) for number, line in b] for b in line_blocks(path)]
        prefix = f"{language}:"
        if not all(token.startswith(prefix) for block in blocks for _, token, _ in block):
            prefix = ""
        return [_sentence(block, prefix, path) for block in blocks]

    def score(self, gold: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
        """Seqeval's micro-averaged precision, recall and F1 of entities, and token accuracy.

        Entities are read from tags as seqeval does by default (as ``conlleval`` did): an
        ``I-`` tag without a beginning starts an entity. What would divide by zero is 0.
        """
        from seqeval.metrics import accuracy_score
        from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

        precision, recall, f1, _ = precision_recall_fscore_support(
            gold, predicted, average="micro", zero_division=0
        )
        return {
            "f1": float(f1),
            "precision": float(precision),
            "recall": float(recall),
            "accuracy": float(accuracy_score(gold, predicted)),
        }


def _token(number: int, line: str, path: Path) -> tuple[int, str, str]:
    """A line's number, token and tag."""
    columns = line.split("\t")
    if len(columns) != 2:
        message = f"a line must be token<TAB>tag, got {len(columns)} column(s)"
        raise DataError(message, file=path, line=number)
    token, tag = columns
    if not token:
        raise DataError("a token must not be empty", file=path, line=number)
    if tag not in NamedEntityRecognition.labels:
        known = " ".join(NamedEntityRecognition.labels)
        raise DataError(f"a tag must be one of {known}, got {tag!r}", file=path, line=number)
    return number, token, tag


def _sentence(block: list[tuple[int, str, str]], prefix: str, path: Path) -> TaggedSentence:
    """A sentence whose tokens have lost a prefix."""
    for number, token, _ in block:
        if token == prefix:
            message = f"a token must not be empty, got only the prefix {prefix!r}"
            raise DataError(message, file=path, line=number)
    words = tuple(token.removeprefix(prefix) for _, token, _ in block)
    return TaggedSentence(words=words, tags=tuple(tag for _, _, tag in block))
