"""A freezing strategy for AlignFreeze, in a distribution of its own."""

from alignfreeze_alternate.strategy import AlternateFreezing

__all__ = ["AlternateFreezing"]
