"""A worker: takes trials from a study's queues until there are none left."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alignfreeze import tracking
from alignfreeze.caching import building
from alignfreeze.errors import ConfigError
from alignfreeze.progress import passing_bars
from alignfreeze.search.ground import Ground
from alignfreeze.search.handle import FINISHED, IDENTITY, SPACE, StudyHandle, find_study
from alignfreeze.search.jobs import run_baseline, run_test, run_trial
from alignfreeze.search.queue import Claim, TrialQueue
from alignfreeze.signals import signals_as_exceptions

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long a worker waits when all trials are in other hands."""

PATIENCE_SECONDS = 120.0
"""How long a worker waits for the next queue to be filled."""

Work = Callable[[StudyHandle, Ground, Claim], None]


def jobs(handle: StudyHandle) -> list[tuple[TrialQueue, Work]]:
    """The queues of a study in their order, and what is done with their trials."""
    return [
        (handle.baseline, run_baseline),
        (handle.trials, run_trial),
        (handle.final, run_test),
    ]


def take_one(handle: StudyHandle, ground: Ground, queue: TrialQueue, job: Work) -> bool:
    """Do the next trial of a queue; False if none is waiting."""
    queue.retry_vanished()
    claim = queue.claim()
    if claim is None:
        return False
    with quietly():
        job(handle, ground, claim)
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


def join(study: str, url: str, *, data: str = "", model: str = "") -> int:
    """Work on a study that is being searched, until it is done.

    Args:
        study: Its name.
        url: Optuna's storage.
        data: Where its data is on this machine, if elsewhere.
        model: Where its model is on this machine, if elsewhere.

    Returns:
        How many trials this worker has done.

    Raises:
        AlignFreezeError: If there is no such study, or data, model or code are others here.
        Interrupted: When a signal asked the process to end; the trial in hand is given back.
    """
    with (
        signals_as_exceptions("what it had in hand was given back"),
        find_study(study, url) as handle,
    ):
        tracking.require_run(handle.run_id)
        here = {name: value for name, value in {"data": data, "model": model}.items() if value}
        ground = Ground(handle.config.model_copy(update=here), handle.settings, _space_file(handle))
        if ground.identity != handle.known(IDENTITY):
            raise ConfigError(
                f"study {study!r} was begun with another version of the code or its libraries, "
                "other data, another model or another precision than this worker has"
            )
        return _work(handle, ground)


def _work(handle: StudyHandle, ground: Ground) -> int:
    done, idle_since = 0, time.monotonic()
    while not handle.known(FINISHED):
        if any(take_one(handle, ground, queue, job) for queue, job in jobs(handle)):
            done, idle_since = done + 1, time.monotonic()
            continue
        if any(queue.counts().running for queue, _ in jobs(handle)):
            idle_since = time.monotonic()  # one of them may be given back
        elif time.monotonic() - idle_since > PATIENCE_SECONDS:
            logger.warning("nothing to do for %.0f s, so this worker ends", PATIENCE_SECONDS)
            break
        time.sleep(POLL_SECONDS)
    return done


def _space_file(handle: StudyHandle) -> Path | None:
    """The space file that the study was begun with, written to this machine."""
    text = handle.known(SPACE)
    if not text:
        return None
    folder = handle.models.with_name(f"{handle.models.name}-space")
    if not folder.is_dir():
        with building(folder) as empty:
            (empty / "space.yaml").write_text(text, "utf-8")
    return folder / "space.yaml"
