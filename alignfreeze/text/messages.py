"""Values as messages have them: on one line, and not too long."""

from collections import Counter
from collections.abc import Sequence

MOST_CHARACTERS = 60
MOST_TEXTS = 8


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text, its end left out where it is long."""
    return text if len(text) <= most else f"{text[:most]}…"


def shown(value: object, most: int = MOST_CHARACTERS) -> str:
    """A value as Python writes it, the end of a long one left out."""
    if not isinstance(value, str):
        return shortened(repr(value), most)
    return repr(value) if len(value) <= most else f"{value[:most]!r}…"


def listed(texts: Sequence[str], most: int = MOST_TEXTS) -> str:
    """Texts in a row, the first of them where there are many."""
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")


def counted(counts: Counter[str], most: int = 10) -> str:
    """What there is how often, the most frequent first: ``MISC (702), DATE (13)``."""
    return listed([f"{shortened(name)} ({n:,})" for name, n in counts.most_common()], most)
