"""Tests that every plugin of a kind must pass, for its author to run."""

try:
    import pytest  # noqa: F401  what runs them
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the contract suites are run by pytest, which is not installed: "
        "pip install 'alignfreeze[testing]'"
    ) from error

from alignfreeze.testing.aligner import AlignerContract
from alignfreeze.testing.encoders import ENCODER_FAMILIES, tiny_encoder
from alignfreeze.testing.objective import ObjectiveContract, word_batch
from alignfreeze.testing.strategy import StrategyContract
from alignfreeze.testing.task import TaskContract

__all__ = [
    "ENCODER_FAMILIES",
    "AlignerContract",
    "ObjectiveContract",
    "StrategyContract",
    "TaskContract",
    "tiny_encoder",
    "word_batch",
]
