"""What a plugin implements, and the small dataclasses that plugins and the core exchange."""

from alignfreeze.contracts.aligner import Aligner, Segmentation, WordAlignment
from alignfreeze.contracts.data import SPLIT_FILES, Bitext, DataSource, SentencePair, Split
from alignfreeze.contracts.plugin import Plugin
from alignfreeze.contracts.strategy import (
    Boundary,
    FreezingStrategy,
    LayerBoundary,
    ParameterSite,
)
from alignfreeze.contracts.tagging import TaggedSentence, TaggingTask
from alignfreeze.contracts.task import Feature, Prediction, Task
from alignfreeze.textfiles import count_lines, line_blocks, numbered_lines

__all__ = [
    "SPLIT_FILES",
    "Aligner",
    "Bitext",
    "Boundary",
    "DataSource",
    "Feature",
    "FreezingStrategy",
    "LayerBoundary",
    "ParameterSite",
    "Plugin",
    "Prediction",
    "Segmentation",
    "SentencePair",
    "Split",
    "TaggedSentence",
    "TaggingTask",
    "Task",
    "WordAlignment",
    "count_lines",
    "line_blocks",
    "numbered_lines",
]
