"""How trials are worked off: one after the other, until a queue is empty or a study finished."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from alignfreeze.base.progress import passing_bars
from alignfreeze.workers.queue import Claim, TrialQueue

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long a worker waits when all trials are in other hands."""

PATIENCE_SECONDS = 120.0
"""How long a worker waits for the next queue to be filled."""

Doing = Callable[[Claim], None]


def take_one(queue: TrialQueue, do: Doing) -> bool:
    """Do the next trial of a queue; False if none is waiting."""
    queue.retry_vanished()
    claim = queue.claim()
    if claim is None:
        return False
    with quietly():
        do(claim)
    return True


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what every trial would say again from being said: bars, and all but warnings."""
    phases = logging.getLogger("alignfreeze")
    level = phases.level
    phases.setLevel(logging.WARNING)
    try:
        with passing_bars():
            yield
    finally:
        phases.setLevel(level)


def work_until_finished(
    finished: Callable[[], bool], queues: Sequence[tuple[TrialQueue, Doing]]
) -> int:
    """Do what waits in queues, the first first, until their study is finished.

    Args:
        finished: Whether it is.
        queues: The queues, and what is done with the trials of each.

    Returns:
        How many trials were done.
    """
    done, idle_since = 0, time.monotonic()
    while not finished():
        if any(take_one(queue, do) for queue, do in queues):
            done, idle_since = done + 1, time.monotonic()
            continue
        if any(queue.counts().running for queue, _ in queues):
            idle_since = time.monotonic()  # one of them may be given back
        elif time.monotonic() - idle_since > PATIENCE_SECONDS:
            logger.warning("nothing to do for %.0f s, so this worker ends", PATIENCE_SECONDS)
            break
        time.sleep(POLL_SECONDS)
    return done
