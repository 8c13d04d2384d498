"""What goes wrong and is no fault of ours: the machine's, told in one line with a remedy."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from alignfreeze.base import disks
from alignfreeze.errors import AlignFreezeError, Interrupted, ResourceError, one_line

FULL = {errno.ENOSPC, errno.EDQUOT}

REFUSED = {errno.EACCES, errno.EPERM}
"""What a bug, or a plugin, may be refused as well: only an error itself that names a file counts,
none that came before it, and none that others tell of."""

DISK_FAULTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file may not be as large as it would get",
    errno.EROFS: "the file system cannot be written to",
    errno.EACCES: "there is no permission",
    errno.EPERM: "it is not permitted",
    errno.EIO: "the disk fails",
}
"""What the system says of a disk, and what is said of that."""

TOO_MANY_FILES = {errno.EMFILE, errno.ENFILE}

MEMORY_REMEDY = (
    "smaller batches take less (realign_batch_size, finetune_batch_size, eval_batch_size), and "
    "activation_checkpointing=true does in training"
)

_NUMBER = re.compile(r"\(os error (\d+)\)|\[errno (\d+)\]", re.IGNORECASE)
"""How libraries in Rust and C++ hand on what the system says."""

_DISK_TEXTS = {
    "database or disk is full": errno.ENOSPC,
    "disk I/O error": errno.EIO,
    "attempt to write a readonly database": errno.EROFS,
    # Of torch.save, when a part of a file could not be written.
    "PytorchStreamWriter failed writing": errno.ENOSPC,
    ". unexpected pos ": errno.ENOSPC,
    **{os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)},
    "No usable temporary directory": errno.ENOSPC,
}

_MEMORY_TEXTS = re.compile(
    r"DefaultCPUAllocator|: you tried to allocate|bad_alloc|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED"
    r"|(CUDA|HIP|XPU|backend|error:) out of memory|Cannot allocate memory|failed to map segment"
    r"|can't start new thread",
    re.IGNORECASE,
)

_MEMORY_ERRORS = (RuntimeError, OSError, ImportError)


def _links(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what has led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _number_of(error: BaseException) -> int | None:
    """The system's number of a fault of a disk, however the error says so."""
    if isinstance(error, OSError) and error.errno in {*DISK_FAULTS, *TOO_MANY_FILES}:
        return error.errno
    text = str(error)
    if known := [number for said, number in _DISK_TEXTS.items() if said in text]:
        return known[0]
    found = _NUMBER.search(text)
    return int(found[1] or found[2]) if found else None


def _path_of(error: BaseException) -> Path | None:
    """The file that an error names; of a copy, the one that is written."""
    named = (error.filename2 or error.filename) if isinstance(error, OSError) else None
    return Path(os.fsdecode(named)) if isinstance(named, (str, bytes, os.PathLike)) else None


def _of_files(error: BaseException) -> str | None:
    """What is said of a fault of the disk, or of files; ``None`` if it is none."""
    number, path = _number_of(error), _path_of(error)
    if number in TOO_MANY_FILES:
        return "too many files are open; `ulimit -n 4096`, or fewer workers, help"
    if number not in DISK_FAULTS or number in REFUSED:
        return None
    # What others put around it, such as the statement in SQL, says nothing of the disk.
    known = next((text for text in _DISK_TEXTS if text in str(error)), "")
    if "database" in known:
        return f"{DISK_FAULTS[number]} ({known}); {disks.DATABASE_REMEDY}"
    place = path or (disks.fullest() if number in FULL else None)
    if place is None:
        remedy = disks.remedy(None, full=number in FULL)
        return f"{DISK_FAULTS[number]} ({known or one_line(error, 120)}); {remedy}"
    return _said_of(number, place)


def _said_of(number: int, place: Path) -> str:
    full = number in FULL
    said = f"{DISK_FAULTS[number]}: {disks.free_text(place) if full else place}"
    if full and (disks.free_in(place) or 0) > disks.LITTLE:
        said += " (has it a quota, or room for more files?)"
    if number in REFUSED and not disks.is_ours(place):  # maybe it was only to be read
        return said
    return f"{said}; {disks.remedy(place, full=full)}"


def _refusal(error: BaseException) -> str | None:
    """What is said of a file that an error itself says is refused; ``None`` if it says no such."""
    path = _path_of(error)
    number = error.errno if isinstance(error, OSError) else None
    return _said_of(number, path) if path is not None and number in REFUSED else None


def memory_fault(error: BaseException) -> str | None:
    """What an error, or what has led to it, says of memory that is short; ``None`` if nothing."""
    for link in _links(error):
        if isinstance(link, ResourceError):  # told already, where more was known
            return None
        if isinstance(link, AlignFreezeError):
            continue
        short = isinstance(link, MemoryError) or type(link).__name__ == "OutOfMemoryError"
        if short or (isinstance(link, _MEMORY_ERRORS) and _MEMORY_TEXTS.search(str(link))):
            return one_line(link, 160)
    return None


def disk_fault(error: BaseException) -> str | None:
    """What to say of an error that a full disk, or the like, has led to; ``None`` for others."""
    return _of_disks(error) or _refusal(error)


def _of_disks(error: BaseException) -> str | None:
    for link in _links(error):
        if isinstance(link, ResourceError):
            return str(link)
        if not isinstance(link, AlignFreezeError) and (said := _of_files(link)):
            return said
    return None


def shortage(error: BaseException) -> str | None:
    """What to say of an error that the machine is to blame for; ``None`` for any other."""
    if said := _of_disks(error):
        return said
    memory = memory_fault(error)
    return memory and f"memory is short ({memory}); {MEMORY_REMEDY}"


def told(error: BaseException) -> str | None:
    """What to say of an error that the user can do something about; ``None`` for any other."""
    if not isinstance(error, (AlignFreezeError, Interrupted)):
        return shortage(error) or _refusal(error)
    # What a caller makes of a full disk says less.
    cause = None if isinstance(error, ResourceError) else error.__cause__
    return (cause and shortage(cause)) or str(error)


def reason_of(error: BaseException) -> str:
    """Why something has ended, in one line, whatever it is."""
    return told(error) or one_line(error)


def unwritable(what: str, place: Path, error: OSError) -> AlignFreezeError:
    """The error for what cannot be written at a place, by what the system says of it."""
    if error.errno in DISK_FAULTS:
        return ResourceError(f"{what} cannot be written: {_said_of(error.errno, place)}")
    return AlignFreezeError(f"{place}: {what} cannot be written: {error.strerror}")
