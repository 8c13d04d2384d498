"""What is said in the log while something is done, kept to be said again."""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class LogLine(NamedTuple):
    """What was said: by which logger, at which level, and the text."""

    logger: str
    level: int
    text: str


@contextmanager
def collected_lines(*, hide: bool = False) -> Iterator[Collection[LogLine]]:
    """Collect what is logged inside, in whatever thread, each line once.

    Args:
        hide: Whether it is kept from those who listen otherwise.

    Yields:
        The lines so far.
    """
    root = logging.getLogger()
    before = root.handlers
    handler = _Collecting()
    root.handlers = [handler] if hide else [*before, handler]
    try:
        yield handler.lines.keys()
    finally:
        root.handlers = before


def say_again(lines: Iterable[LogLine]) -> None:
    """Log lines as they were logged before."""
    for line in lines:
        logging.getLogger(line.logger).log(line.level, "%s", line.text)


class _Collecting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[LogLine, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[LogLine(record.name, record.levelno, record.getMessage())] = None
