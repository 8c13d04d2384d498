"""Where computed data is kept between runs: put there whole or not at all, and read whole."""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from alignfreeze.base.digests import file_digest
from alignfreeze.base.faults import unwritable
from alignfreeze.base.paths import existing_path
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

SUMS = "SHA256SUMS"
"""The digests of a folder's files, as ``sha256sum`` writes and checks them."""

LOCK_ENDING = ".lock"

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What file systems say that have none."""


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Fill a folder elsewhere, and move it to its place, sealed, once it is complete.

    Processes may build the same folder at once: the first to be done wins, and the others
    throw theirs away. After an error nothing is left.

    Args:
        folder: Where the folder is to be; its parents are made.

    Yields:
        An empty folder beside it, to be filled.

    Raises:
        ResourceError: If the disk is full.
        AlignFreezeError: If it cannot be made for another reason.
    """
    temporary = folder.parent / f".{folder.name}-{uuid4().hex}"
    stack = ExitStack()
    try:
        temporary.mkdir(parents=True)
        stack.enter_context(_in_use(temporary))
    except OSError as error:
        raise unwritable("the cache", folder.parent, error) from error
    try:
        yield temporary
        seal(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():  # or another process was quicker
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        stack.close()


@contextmanager
def _in_use(temporary: Path) -> Iterator[None]:
    """Hold a lock as long as a folder is being filled, which tells it from a dead process's."""
    with locked(temporary):
        yield
    lock_file(temporary).unlink(missing_ok=True)


def lock_file(path: Path) -> Path:
    """The file whose lock is that of a path."""
    return path.with_name(path.name + LOCK_ENDING)


def seal(folder: Path) -> None:
    """Write down the digests of a folder's files, for `check_sealed`.

    Raises:
        DataError: If a file cannot be read.
    """
    sums = folder / SUMS
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != sums)
    lines = [f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    sums.write_text("".join(lines), encoding="utf-8", newline="\n")


def check_sealed(folder: Path, what: str, remedy: str = "delete the folder") -> set[str]:
    """Check that a folder's files are, byte for byte, what they were when it was sealed.

    A file that was cut, by a full disk or a machine that lost power, may still be readable.

    Args:
        folder: A folder that `seal` was called for.
        what: What is in it, for the error.
        remedy: What to do about a damaged one, for the error.

    Returns:
        The names of the files.

    Raises:
        DataError: If a file is missing or another one; names it.
    """
    fault = f"{what} is damaged, {{}}; {remedy}"
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        digests = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise DataError(fault.format(f"{SUMS} cannot be read"), file=folder) from error
    if not digests:
        raise DataError(fault.format(f"{SUMS} is empty"), file=folder)
    for name, digest in digests.items():
        path = existing_path(str(folder / name))
        if path is None or not path.is_file():
            raise DataError(fault.format(f"{name} is missing"), file=folder)
        if file_digest(path) != digest:
            raise DataError(fault.format(f"{name} is not what was written"), file=folder)
    return set(digests)


def found_whole(folder: Path, what: str) -> bool:
    """Whether a sealed folder is there, and as it was sealed.

    One that is damaged is dropped, with a warning, so that it can be made again.

    Raises:
        DataError: If it is damaged, and cannot be dropped.
    """
    if not folder.is_dir():
        return False
    try:
        check_sealed(folder, what, "it is made again")
    except DataError as fault:
        try:
            # First out of the way of others, who may read it or make it again meanwhile.
            dropped = folder.rename(folder.with_name(f".{folder.name}-{uuid4().hex}"))
        except FileNotFoundError:  # another process was quicker
            return False
        except OSError:
            check_sealed(folder, what)
            raise
        logger.warning("%s", fault)
        shutil.rmtree(dropped, ignore_errors=True)
        return False
    return True


@contextmanager
def locked(path: Path, *, wait: float = -1) -> Iterator[None]:
    """Hold a lock that ends with the process: that of the file beside ``path``, with ``.lock``.

    On a file system that has no locks there is none.

    Args:
        path: What the lock is for.
        wait: How many seconds to wait for another process that holds it; -1 for ever.

    Raises:
        BlockingIOError: If another process holds it for longer.
        OSError: If the file cannot be made.
    """
    from filelock import FileLock, Timeout  # a command that locks nothing starts without

    if not path.parent.is_dir():  # filelock would make it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))

    lock = FileLock(lock_file(path))
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        told = "another process holds its lock"
        raise BlockingIOError(errno.EAGAIN, told, lock.lock_file) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        logger.debug("%s: %s", lock.lock_file, error)
    try:
        yield
    finally:
        lock.release()
