"""Natural language inference on XNLI."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from alignfreeze.contracts import HubSplit, Layout, PairClassificationTask, Split

LANGUAGES = "ar bg de el es fr hi ru th tr vi zh"
"""Target languages of the published experiments."""

REPOSITORY = "facebook/xnli"
REVISION = "b8dd5d7af51114dbda02c0e3f6133f332186418e"


FOLDERS = ("", "nli/", "xnli/")
DEV_AND_TEST: dict[Split, str] = {"validation": "dev", "test": "test"}
TRAIN: dict[Split, str] = {"train": "train"}

PUBLISHED = (
    *(Layout(f"{folder}xnli.{{split}}.tsv", DEV_AND_TEST) for folder in ("", "XNLI-1.0/")),
    *(Layout(f"{folder}xnli.{{split}}.jsonl", DEV_AND_TEST) for folder in ("", "XNLI-1.0/")),
    *(
        Layout(f"{folder}multinli.{{split}}.{{language}}.tsv", TRAIN)
        for folder in ("", "multinli/", "XNLI-MT-1.0/multinli/")
    ),
    *(
        Layout(f"{folder}multinli_1.0_{{split}}.{ending}", TRAIN, "en")
        for folder in ("", "multinli_1.0/")
        for ending in ("jsonl", "txt")
    ),
)
"""XNLI, what was translated of MultiNLI to train on, and MultiNLI, each as it is unpacked."""

XTREME = Layout("xnli/{split}-{language}.tsv")
"""What XTREME's script makes of XNLI."""


class NaturalLanguageInference(PairClassificationTask):
    """Says whether a premise entails a hypothesis, contradicts it, or neither; by accuracy."""

    folder: ClassVar[str] = "nli"
    languages: ClassVar[tuple[str, ...]] = tuple(LANGUAGES.split())
    labels: ClassVar[tuple[str, ...]] = ("entailment", "neutral", "contradiction")
    columns: ClassVar[tuple[str, ...]] = ("premise", "hypothesis", "label")
    layouts: ClassVar[tuple[Layout, ...]] = (
        *(
            replace(layout, pattern=folder + layout.pattern)
            for folder in FOLDERS
            for layout in PUBLISHED
        ),
        XTREME,
        replace(XTREME, pattern=f"nli/{XTREME.pattern}"),
    )
    column_aliases: ClassVar[Mapping[str, Sequence[str]]] = {
        "premise": ("sentence1", "context"),
        "hypothesis": ("sentence2", "hypo"),
        "label": ("gold_label",),
    }
    label_aliases: ClassVar[Mapping[str, str]] = {
        "contradictory": "contradiction",
        **{label[0]: label for label in ("entailment", "neutral", "contradiction")},
    }
    epochs: ClassVar[float] = 2.0

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """XNLI has all three splits of every language, by the names used here."""
        if language not in ("en", *self.languages):
            return None
        return HubSplit(REPOSITORY, language, split, self.columns, REVISION)
