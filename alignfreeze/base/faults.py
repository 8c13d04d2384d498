"""What goes wrong and is no fault of ours: the machine's, told in one line with a remedy."""

import errno

from alignfreeze.errors import AlignFreezeError, Interrupted, one_line

FULL = {errno.ENOSPC, errno.EDQUOT}


def told(error: BaseException) -> str | None:
    """What to say of an error that the user can do something about; ``None`` for any other."""
    if isinstance(error, (AlignFreezeError, Interrupted)):
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return f"the disk is full: {one_line(error)}"
    return None


def reason_of(error: BaseException) -> str:
    """Why something has ended, in one line, whatever it is."""
    return told(error) or one_line(error)
