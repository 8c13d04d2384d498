"""What is said in the log while something is done, kept to be said again."""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from alignfreeze.credentials import without_passwords
from alignfreeze.messages import plain_lines


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


def make_logs_safe() -> None:
    """Let no line of the log have a password, or move a terminal, whoever says it."""
    logging.setLogRecordFactory(_safe_record)


def _safe_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **kwargs)
    try:
        said = record.getMessage()
    except (TypeError, ValueError):  # its arguments do not fit: told of where it is written
        return record
    if (shown := _safe(said)) != said:
        record.msg, record.args = shown, ()
    if record.exc_info:  # what is there already is not made again
        record.exc_text = _safe(logging.Formatter().formatException(record.exc_info))
    return record


def _safe(text: str) -> str:
    return plain_lines(without_passwords(text))


class _Collecting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[LogLine, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text = without_passwords(record.getMessage())
        self.lines[LogLine(record.name, record.levelno, text)] = None
