"""Inputs that are tried: what is let pass, what counts as a failure, how it is made smaller."""

import base64
import json
import logging
import math
import signal
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Protocol

from alignfreeze.errors import AlignFreezeError
from alignfreeze.messages import MOST_OF_A_MESSAGE, shortened

MOST_SECONDS = 5.0
"""Of computing that an input may take; several times what the slowest takes."""

MOST_WAITING = 60.0
"""Seconds that an input may take, whatever it does."""

MOST_CHARACTERS = MOST_OF_A_MESSAGE + 500
"""Of a message, with the place before it."""

SMALLER = 150
"""Attempts at making a failing input smaller."""

Input = Mapping[str, bytes]
"""What is tried: contents by a file's path, or texts by an option."""


class Subject(Protocol):
    """What reads something: files, or the options of a command."""

    name: str

    def make(self, random: Random) -> dict[str, bytes]:
        """An input, made of a good one."""

    def read(self, given: Input) -> None:
        """Read it, or refuse it by an AlignFreezeError."""


class Hung(BaseException):
    """An input takes too long."""


@dataclass
class Count:
    """What became of the inputs of a subject."""

    inputs: int = 0
    refused: int = 0
    accepted: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


ACCEPTED, REFUSED = "", "refused"
"""What becomes of an input that does not fail."""


def tried(subject: Subject, given: Input) -> str:
    """What becomes of an input: one of the two above, or in one line what is wrong with it."""
    try:
        with _at_most(), warnings.catch_warnings(action="ignore"):
            subject.read(given)
    except AlignFreezeError as error:
        return _fault_of(str(error)) or REFUSED
    except KeyboardInterrupt:
        raise
    except Hung:
        return "hangs"
    except BaseException as error:  # noqa: BLE001  whatever it is, it is a failure
        return _place(error)
    return ACCEPTED


def _fault_of(message: str) -> str:
    """What is wrong with a message."""
    if "\n" in message or not message.strip():
        return f"says {shortened(message)!r}: not one line"
    if len(message) > MOST_CHARACTERS:
        return f"says {len(message)} characters"
    return "shows a password" if "secret9" in message else ""


def _place(error: BaseException) -> str:
    """An exception and where it comes from, the same for the same fault."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if not {"alignfreeze", "aligners", "objectives", "strategies", "tasks"}.isdisjoint(
            path.parts
        ):
            place = f"{path.parent.name}/{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} in {place}: {shortened(repr(str(error)), 120)}"


@contextmanager
def _at_most() -> Iterator[None]:
    def end(*_: Any) -> None:
        raise Hung

    kinds = ((signal.ITIMER_PROF, signal.SIGPROF), (signal.ITIMER_REAL, signal.SIGALRM))
    before = [signal.signal(number, end) for _, number in kinds]
    for (timer, _), seconds in zip(kinds, (MOST_SECONDS, MOST_WAITING), strict=True):
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number), handler in zip(kinds, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def fuzzed(
    subjects: Iterable[Subject],
    *,
    seconds: float = math.inf,
    rounds: float = math.inf,
    seed: int,
    keep: Callable[[Subject, Input, str], None],
) -> dict[str, Count]:
    """Try inputs of all subjects in turn; each is made from the seed.

    Args:
        subjects: What reads.
        seconds: How long at most; each subject is tried at least once.
        rounds: How many inputs each subject gets at most.
        seed: Number ``n`` of a subject is made of it, the subject's name and ``n`` alone.
        keep: Called with the smallest form of the first input of each kind of failure.
    """
    counts: dict[str, Count] = {}
    seen: Counter[str] = Counter()
    end, number = time.monotonic() + seconds, 0
    subjects = list(subjects)
    logging.disable(logging.CRITICAL)
    try:
        while number < rounds and (not number or time.monotonic() < end):
            for subject in subjects:
                if number and time.monotonic() >= end:
                    break
                count = counts.setdefault(subject.name, Count())
                given = subject.make(Random(f"{seed} {subject.name} {number}"))
                fault = _count(subject, given, count)
                if fault not in (ACCEPTED, REFUSED):
                    kind = f"{subject.name}: {fault.partition(':')[0]}"
                    seen[kind] += 1
                    if seen[kind] == 1:
                        smallest = smaller(subject, given, fault)
                        keep(subject, smallest, f"{fault} (seed {seed}, input {number})")
            number += 1
    finally:
        logging.disable(logging.NOTSET)
    return counts


def _count(subject: Subject, given: Input, count: Count) -> str:
    began = time.process_time()
    became = tried(subject, given)
    count.slowest = max(count.slowest, time.process_time() - began)
    count.inputs += 1
    match became:
        case "":
            count.accepted += 1
        case "refused":
            count.refused += 1
        case fault:
            count.failures.append(fault)
    return became


def smaller(subject: Subject, given: Input, fault: str) -> Input:
    """The smallest input found that fails in the same way."""
    kind, found, attempts = fault.partition(":")[0], dict(given), SMALLER if fault != "hangs" else 8

    def fails(candidate: Input) -> bool:
        return tried(subject, candidate).startswith(kind)

    for name in [*found]:
        without = {other: content for other, content in found.items() if other != name}
        if without and fails(without):
            found = without
    for name in [*found]:
        size = len(found[name])
        while size and attempts > 0:
            size //= 2
            place = 0
            while place < len(found[name]) and size and attempts > 0:
                content = found[name]
                attempts -= 1
                candidate = {**found, name: content[:place] + content[place + size :]}
                if fails(candidate):
                    found = candidate
                else:
                    place += size
    return found


def written(subject: Subject, given: Input, fault: str) -> dict[str, Any]:
    """An input as a file of the corpus holds it."""
    contents = {n: base64.b85encode(zlib.compress(c)).decode() for n, c in given.items()}
    return {"subject": subject.name, "fault": fault, "given": contents}


def keep_in(folder: Path, subject: Subject, given: Input, fault: str) -> Path:
    """Add an input to a corpus, for tests to try again."""
    text = json.dumps(written(subject, given, fault), indent=1, ensure_ascii=True)
    digest = sha256(json.dumps(written(subject, given, "")).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{digest}.json").write_text(f"{text}\n", "utf-8")
    return folder / f"{digest}.json"


def kept(file: Path) -> tuple[str, Input]:
    """The name of the subject of a corpus file, and the input."""
    values = json.loads(file.read_text("utf-8"))
    given = {n: zlib.decompress(base64.b85decode(t)) for n, t in values["given"].items()}
    return values["subject"], given
