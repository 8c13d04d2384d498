"""Text that was tokenized: its words stand between spaces and tabs, and between nothing else."""

import re
from collections.abc import Iterable

_UNWRITTEN = re.compile(r"[\x00-\x20]")


def split_tokens(line: str) -> list[str]:
    r"""The words of a line, split as FastAlign does: at spaces and tabs alone.

    What ``str.split`` splits at besides, such as a no-break or an ideographic space, is part of a
    word. A ``\r`` at the line's end is none.
    """
    parts = line.strip(" \t\r").replace("\t", " ").split(" ")
    return [part for part in parts if part]


def join_tokens(words: Iterable[str]) -> str:
    """A line that whoever splits at ASCII's blanks, as `split_tokens`, splits into as many words.

    ASCII's blanks and control characters within a word are left out; a no-break space stays.
    """
    return " ".join(_UNWRITTEN.sub("", word) for word in words)
