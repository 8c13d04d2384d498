"""What messages are made of: values on one line, not too long, without passwords."""

import re
from collections import Counter
from collections.abc import Sequence

MOST_CHARACTERS = 60
LONG = 200
"""Characters of what is only told apart by its end, such as a path."""

MOST_TEXTS = 8
MOST_OF_A_MESSAGE = 2000
"""Characters of a message; of a longer one the middle is left out."""


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


def as_line(text: str, most: int = MOST_OF_A_MESSAGE) -> str:
    """A text as one line, which a terminal shows as it is; without its middle, where it is long."""
    line = _LINE_ENDS.sub(" ", text.strip())
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    if len(line) <= most:
        return line
    return f"{line[: most * 2 // 3]} … {line[-(most // 3) :]}"


_LINE_ENDS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")

HIDDEN = "***"

_CREDENTIALS = re.compile(r"(?<=:)[^\s:@/?#]+(?=@)")


def without_passwords(text: str) -> str:
    """A text in which ``***`` stands for every password of a URL."""
    return _CREDENTIALS.sub(HIDDEN, text)
