"""Tests that every plugin of a kind must pass, for its author to run."""

from alignfreeze.testing.aligner import AlignerContract
from alignfreeze.testing.encoders import ENCODER_FAMILIES, tiny_encoder
from alignfreeze.testing.strategy import StrategyContract
from alignfreeze.testing.task import TaskContract

__all__ = [
    "ENCODER_FAMILIES",
    "AlignerContract",
    "StrategyContract",
    "TaskContract",
    "tiny_encoder",
]
