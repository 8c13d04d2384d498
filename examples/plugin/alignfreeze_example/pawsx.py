"""The task `pawsx`: whether two sentences are paraphrases, in seven languages."""

from collections.abc import Mapping
from typing import Any, ClassVar

from alignfreeze.contracts import HubSplit, Layout, PairClassificationTask, Split, TextPair

LANGUAGES = ("de", "es", "fr", "ja", "ko", "zh")

ENGLISH: dict[Split, str] = {"train": "train", "validation": "dev_2k", "test": "test_2k"}
TRANSLATED: dict[Split, str] = {**ENGLISH, "train": "translated_train"}


class ParaphraseClassification(PairClassificationTask):
    """Says whether two sentences with much the same words mean the same (PAWS-X); by accuracy."""

    folder: ClassVar[str] = "pawsx"
    languages: ClassVar[tuple[str, ...]] = LANGUAGES
    labels: ClassVar[tuple[str, ...]] = ("0", "1")
    columns: ClassVar[tuple[str, ...]] = ("sentence1", "sentence2", "label")
    layouts: ClassVar[tuple[Layout, ...]] = (
        *(
            Layout(f"{folder}{{language}}/{{split}}.tsv", names)
            for folder in ("pawsx/", "pawsx/x-final/", "x-final/")
            for names in (ENGLISH, TRANSLATED)
        ),
        Layout("pawsx/{split}-{language}.tsv"),
    )
    """The archive as it is unpacked, and what XTREME's script makes of it."""
    epochs: ClassVar[float] = 2.0

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """PAWS-X has all three splits of every language, by the names used here."""
        if language not in ("en", *LANGUAGES):
            return None
        return HubSplit(
            "google-research-datasets/paws-x",
            language,
            split,
            self.columns,
            "4cd8187c404bda33cb1f62b49b001115862acf37",
        )

    def from_row(self, row: Mapping[str, Any], language: str) -> TextPair | None:
        """Leave out what the translators left empty, or as ``NS``, as the authors do."""
        texts = (row["sentence1"], row["sentence2"])
        if any(isinstance(text, str) and text.strip() in ("", "NS") for text in texts):
            return None
        return super().from_row(row, language)
