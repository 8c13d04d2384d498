"""What readers say while they read, for a report instead of the log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from alignfreeze import PACKAGES
from alignfreeze.base.logs import collected_lines


class Line(NamedTuple):
    """What was told, and whether as a warning: something was left out, mended, or looks wrong."""

    text: str
    is_warning: bool


@contextmanager
def told(root: Path) -> Iterator[list[Line]]:
    """Keep what is logged inside from the log.

    Yields:
        A list that has the lines afterwards, each once; files are named as they are called below
        the root.
    """
    loggers = [logging.getLogger(name) for name in PACKAGES]
    levels = [logger.level for logger in loggers]
    lines: list[Line] = []
    try:
        with collected_lines(hide=True) as found:
            for logger in loggers:
                logger.setLevel(logging.INFO)
            yield lines
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        lines += [Line(told_below(root, line.text), line.level > logging.INFO) for line in found]


def told_below(root: Path, text: str) -> str:
    """A text whose files below a folder are called as they are there."""
    return text.replace(f"{root}/", "")
