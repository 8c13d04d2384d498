"""What can go wrong and is the user's to mend: each error is one clear line."""

import signal
from pathlib import Path

from alignfreeze.messages import as_line, shortened


class AlignFreezeError(Exception):
    """Base of every error that AlignFreeze raises on purpose.

    Its text is one line that says what was wrong, where, and what to do; the command line
    prints it without a traceback. Whatever it is made of, it is one line, and has no password.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(as_line(message))


class ConfigError(AlignFreezeError):
    """An option has a value that its rule forbids."""


class PluginError(AlignFreezeError):
    """A strategy, task or aligner is unknown, broken, or claimed twice."""


class EncoderError(AlignFreezeError):
    """A model cannot be loaded, or its embeddings and layers cannot be told apart."""


class DataError(AlignFreezeError):
    """A data file is missing, empty or malformed; its line, counted from 1, is told if known."""

    def __init__(self, message: str, *, file: Path | None = None, line: int | None = None) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{message}")


class MissingSplitError(DataError):
    """A language has no such split in the data, or no text.

    Attributes:
        reason: What is not there, as a clause for a list of such languages.
    """

    def __init__(self, message: str, *, reason: str = "", file: Path | None = None) -> None:
        super().__init__(message, file=file)
        self.reason = reason or str(self)


class TrackingError(AlignFreezeError):
    """The tracking store is not there, refuses, or cannot be understood."""


class ResourceError(AlignFreezeError):
    """The machine has run out of something: of disk, of memory."""


class TrainingError(AlignFreezeError):
    """Training went wrong in a way that no more of it would mend."""


class Pruned(AlignFreezeError):  # noqa: N818  it is no error
    """A search has stopped a trial that was doing worse than others."""


class ElsewhereError(AlignFreezeError):
    """Another process of this run has failed, and so this one ends.

    Attributes:
        said: That one has said so itself, on the same machine.
    """

    def __init__(self, message: str, *, said: bool = False) -> None:
        super().__init__(message)
        self.said = said


class Interrupted(BaseException):
    """The signal ``number`` asked the process to end; what was computed is in a checkpoint.

    Like KeyboardInterrupt it is no `Exception`, so that no handler of errors takes it for one.
    """

    def __init__(self, message: str, *, number: int = signal.SIGTERM) -> None:
        super().__init__(message)
        self.number = number


def one_line(error: BaseException, most: int = 300) -> str:
    """What an error says, in one line of at most so many characters; with its type if not ours."""
    if isinstance(error, (AlignFreezeError, Interrupted)):
        return str(error)
    said = f": {error}" if str(error) else ""
    return shortened(as_line(f"{type(error).__name__}{said}"), most)
