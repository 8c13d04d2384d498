"""What messages are made of: values on one line, not too long, without passwords."""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from alignfreeze.credentials import without_passwords

MOST_CHARACTERS = 60
LONG = 200
"""Characters of what is only told apart by its end, such as a path."""

MOST_TEXTS = 8
MOST_SUGGESTIONS = 3
MOST_OF_A_MESSAGE = 2000
"""Characters of a message; of a longer one the middle is left out."""

_LOOKED_AT = 5000
"""Characters after those that are shown, in which a password may end that begins in them."""


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text without passwords, its end left out where it is long."""
    text = without_passwords(text[: most + _LOOKED_AT])  # what is cut would not be known for one
    return text if len(text) <= most else f"{text[:most]}…"


def shown(value: object, most: int = MOST_CHARACTERS) -> str:
    """A value as Python writes it, the end of a long one left out."""
    if not isinstance(value, str):
        return shortened(repr(value), most)
    value = without_passwords(value[: most + _LOOKED_AT])
    return repr(value) if len(value) <= most else f"{value[:most]!r}…"


def listed(texts: Sequence[str], most: int = MOST_TEXTS) -> str:
    """Texts in a row, the first of them where there are many."""
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """What somebody may have meant who has given a name that is not known; nothing if all are far.

    The one that is as good as the same; else those of which it is a part, in whole words
    (``batch_size``: all batch sizes), where they are few; else the one that looks most like it.
    """
    names = {other.strip("-"): other for other in known}
    bare = name.strip("-")[:MOST_CHARACTERS]
    words = _SEPARATORS.split(bare)
    whole = [other for other in names if _follows(words, _SEPARATORS.split(other))]
    found = (
        difflib.get_close_matches(bare, names, n=1, cutoff=SAME)
        or (whole if len(whole) <= MOST_SUGGESTIONS else [])
        or difflib.get_close_matches(bare, names, n=1, cutoff=LIKE if len(bare) > 4 else LIKE_SHORT)
    )
    return [names[other] for other in found]


SAME, LIKE, LIKE_SHORT = 0.86, 0.75, 0.6
"""How alike names must be to be taken for each other, as difflib measures it, in [0, 1]; of a short
one, a single slip is much."""

_SEPARATORS = re.compile("[-_.]")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The question whether another name was meant, such as ``; did you mean 'front'?``, if any."""
    *others, last = [repr(other) for other in nearest(name, known)] or [""]
    meant = f"{', '.join(others)} or {last}" if others else last
    return f"; did you mean {meant}?" if meant else ""


def _follows(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether words stand among others, one after the other."""
    return any(
        others[start : start + len(words)] == words for start in range(len(others) - len(words) + 1)
    )


def counted(counts: Counter[str], most: int = 10) -> str:
    """What there is how often, the most frequent first: ``MISC (702), DATE (13)``."""
    return listed([f"{shortened(name)} ({n:,})" for name, n in counts.most_common()], most)


def as_line(text: str, most: int = MOST_OF_A_MESSAGE) -> str:
    """A text as one line, which a terminal shows as it is, and which has no password.

    It is without its middle where it is long.
    """
    line = _LINE_ENDS.sub(" ", without_passwords(text).strip())
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    line = without_passwords(line)  # of a URL that was broken into lines
    if len(line) <= most:
        return line
    return f"{line[: most * 2 // 3]} … {line[-(most // 3) :]}"


def plain(text: str) -> str:
    """A text that moves nothing: blanks for line ends and tabs, escapes for control characters.

    Those that turn the direction of writing, and halves of characters, are escaped, too.
    """
    if text.isprintable():
        return text
    return "".join(c if _stays(c) else " " if c.isspace() else ascii(c)[1:-1] for c in text)


def plain_lines(text: str) -> str:
    """A text of several lines, each of them `plain`."""
    return text if text.isprintable() else "\n".join(map(plain, text.split("\n")))


def _stays(character: str) -> bool:
    if character.isprintable():
        return True
    category = unicodedata.category(character)
    return category == "Zs" or (category == "Cf" and character not in _DIRECTIONS)


_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"

_LINE_ENDS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
