"""Numbers as files have them."""

import math
import re

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
"""A score, a probability, or a count; Python would also take ``1_0``, ``nan`` and ``inf``."""


def number_in(text: str) -> float | None:
    """The finite number that a text is; ``None`` if it is none."""
    number = float(text) if NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None
