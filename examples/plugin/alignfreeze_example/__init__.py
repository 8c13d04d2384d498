"""Freezing strategies, tasks and an objective for AlignFreeze, in a distribution of their own."""

from alignfreeze_example.alternate import AlternateFreezing
from alignfreeze_example.layers import LayerFreezing
from alignfreeze_example.pawsx import ParaphraseClassification
from alignfreeze_example.sentiment import SentimentClassification
from alignfreeze_example.uniformity import UniformityObjective

__all__ = [
    "AlternateFreezing",
    "LayerFreezing",
    "ParaphraseClassification",
    "SentimentClassification",
    "UniformityObjective",
]
