"""A freezing strategy and a task for AlignFreeze, in a distribution of their own."""

from alignfreeze_example.alternate import AlternateFreezing
from alignfreeze_example.pawsx import ParaphraseClassification

__all__ = ["AlternateFreezing", "ParaphraseClassification"]
