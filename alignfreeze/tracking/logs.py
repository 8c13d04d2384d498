"""What a run has logged, kept as an artifact of it, with the traceback of what has ended it."""

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alignfreeze.credentials import without_passwords
from alignfreeze.errors import one_line

logger = logging.getLogger(__name__)

LOG_FILE = "alignfreeze.log"

MOST_CHARACTERS = 1_000_000
"""Of a longer log the middle is left out."""

_LAYOUT = logging.Formatter(
    "{asctime}Z {levelname} {name}: {message}", "%Y-%m-%dT%H:%M:%S", style="{"
)
_LAYOUT.converter = time.gmtime


@contextmanager
def kept_log(log_text: Callable[[str, str], None], *, again: bool = False) -> Iterator[None]:
    """Collect what is logged inside, and log it in the end, whatever that is.

    Args:
        log_text: Logs a text as an artifact by its name. If it fails, that is but told.
        again: Whether the run has a log of an earlier process, which is to stay.
    """
    handler, root = _Keeping(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    except BaseException as error:
        handler.keep("".join(traceback.format_exception(error)))
        raise
    finally:
        root.removeHandler(handler)
        name = LOG_FILE.replace(".", time.strftime("-%Y%m%dT%H%M%SZ.", time.gmtime()), again)
        try:
            if text := handler.text():
                log_text(text, name)
        except Exception as error:  # noqa: BLE001  a run is not worth less without its log
            logger.warning("the run's log cannot be kept: %s", one_line(error))


class _Keeping(logging.Handler):
    """Keeps the beginning and the end of what is logged, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_LAYOUT)
        self._begin: list[str] = []
        self._end: deque[str] = deque()
        self._sizes = [0, 0]
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.keep(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001  as every handler does
            self.handleError(record)

    def keep(self, text: str) -> None:
        """Keep a line, or several."""
        half = MOST_CHARACTERS // 2
        text = without_passwords(text if len(text) <= half else f"{text[: half - 2]}…\n")
        if not self._end and self._sizes[0] + len(text) <= half:
            self._begin.append(text)
            self._sizes[0] += len(text)
            return
        self._end.append(text)
        self._sizes[1] += len(text)
        while self._sizes[1] > half:
            self._sizes[1] -= len(self._end.popleft())
            self._left_out += 1

    def text(self) -> str:
        """All that is kept, and how much is not."""
        lost = [f"… {self._left_out:,} entries left out\n"] if self._left_out else []
        return "".join([*self._begin, *lost, *self._end])
