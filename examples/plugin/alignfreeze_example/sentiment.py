"""The task `sentiment`: whether a text is negative, neutral or positive."""

from typing import ClassVar

from alignfreeze.contracts import HubSplit, Layout, Split, TextClassificationTask

CONFIGS = {
    "ar": "arabic",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "hi": "hindi",
    "it": "italian",
    "pt": "portuguese",
}


class SentimentClassification(TextClassificationTask):
    """Says whether a text is negative, neutral or positive; by accuracy and macro F1."""

    folder: ClassVar[str] = "sentiment"
    languages: ClassVar[tuple[str, ...]] = tuple(code for code in CONFIGS if code != "en")
    labels: ClassVar[tuple[str, ...]] = ("negative", "neutral", "positive")
    layouts: ClassVar[tuple[Layout, ...]] = (
        Layout("splitted-train-dev-test/{language}/{split}.tsv"),
    )
    """AfriSenti's, as it is published."""

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """The tweets of UMSAB, which has all three splits of eight languages."""
        if language not in CONFIGS:
            return None
        return HubSplit(
            "mteb/tweet_sentiment_multilingual",
            CONFIGS[language],
            split,
            self.columns,
            "d522bb117c32f5e0207344f69f7075fc9941168b",
        )
