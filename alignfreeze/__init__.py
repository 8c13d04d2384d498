"""AlignFreeze: realign multilingual encoders, freezing part of them, and measure the transfer."""

__version__ = "0.1.0"

PACKAGES = ("alignfreeze", "alignfreeze_strategies", "alignfreeze_tasks", "alignfreeze_aligners")
"""Those of the core and of the built-in plugins."""
