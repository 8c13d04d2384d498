"""Natural language inference on XNLI."""

from typing import ClassVar

from alignfreeze.contracts import HubSplit, PairClassificationTask, Split

LANGUAGES = "ar bg de el es fr hi ru th tr vi zh"
"""Target languages of the published experiments."""

REPOSITORY = "facebook/xnli"
REVISION = "b8dd5d7af51114dbda02c0e3f6133f332186418e"


class NaturalLanguageInference(PairClassificationTask):
    """Says whether a premise entails a hypothesis, contradicts it, or neither; by accuracy."""

    folder: ClassVar[str] = "nli"
    languages: ClassVar[tuple[str, ...]] = tuple(LANGUAGES.split())
    labels: ClassVar[tuple[str, ...]] = ("entailment", "neutral", "contradiction")
    columns: ClassVar[tuple[str, ...]] = ("premise", "hypothesis", "label")
    epochs: ClassVar[float] = 2.0

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """XNLI has all three splits of every language, by the names used here."""
        if language not in ("en", *self.languages):
            return None
        return HubSplit(REPOSITORY, language, split, self.columns, REVISION)
