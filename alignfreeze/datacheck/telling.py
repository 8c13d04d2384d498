"""What readers say in the log while they read, kept for a report."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from alignfreeze import PACKAGES


class Line(NamedTuple):
    """What was told, and whether as a warning: something was left out, mended, or looks wrong."""

    text: str
    is_warning: bool


@contextmanager
def told(root: Path) -> Iterator[list["Line"]]:
    """Collect what is logged inside instead of showing it, each line once.

    Yields:
        The lines so far; files are named as they are called below the root.
    """
    lines: list[Line] = []
    handler = _Keeping(lines, f"{root}/")
    loggers = [logging.getLogger(name) for name in PACKAGES]
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield lines
    finally:
        for logger, level, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


class _Keeping(logging.Handler):
    def __init__(self, lines: list[Line], prefix: str) -> None:
        super().__init__(logging.INFO)
        self._lines = lines
        self._prefix = prefix

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().replace(self._prefix, "")
        line = Line(text, is_warning=record.levelno >= logging.WARNING)
        if line not in self._lines:
            self._lines.append(line)
