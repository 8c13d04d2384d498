"""What workers have in common: a trial done in a run of its own, queues that are worked off."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from optuna.trial import TrialState

from alignfreeze.base.faults import reason_of
from alignfreeze.base.progress import passing_bars
from alignfreeze.errors import AlignFreezeError, Pruned
from alignfreeze.tracking.names import PRUNED, STATE, STUDY, TRIAL, Kind
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.tracking.unlogged import begun
from alignfreeze.workers.queue import PROBLEM, RUN_ID, SECONDS, UNLOGGED, Claim, TrialQueue

logger = logging.getLogger(__name__)

# How long a worker waits:
POLL_SECONDS = 1.0  # when all trials are in other hands
PATIENCE_SECONDS = 120.0  # for the next queue to be filled

PRUNED_STEP = "pruned_step"
"""User attribute: the report after which a trial was pruned, from 1."""

Doing = Callable[[Claim], None]


class Owner(NamedTuple):
    """What trials belong to: a study, by its name, and the MLflow run that theirs are nested in."""

    name: str
    run_id: str


def do_trial(
    owner: Owner,
    queue: TrialQueue,
    claim: Claim,
    work: Callable[[TrackedRun], list[float]],
    *,
    name: str,
    kind: Kind,
) -> None:
    """Do a claimed trial in a run of its own, and end both, whatever happens.

    A trial that fails is failed, and the worker goes on with the next; one that is interrupted
    is given back. The work is given the run, of this name and kind, and returns the objectives.
    """
    trial, began = claim.trial, time.monotonic()
    state, values, problem = TrialState.FAIL, None, ""
    try:
        opened = tracked_run(name, kind, nested=True, parent=owner.run_id)
        with queue.alive(trial), opened as run:
            trial.set_user_attr(RUN_ID, run.run_id)
            run.tags({STUDY: owner.name, TRIAL: str(trial.number), STATE: "running"})
            try:
                values = work(run)
            except Pruned as pruned:
                problem = str(pruned)
                step = str(trial.user_attrs[PRUNED_STEP])
                run.tags({STATE: "pruned", PRUNED_STEP: step, PRUNED: problem})
            except BaseException as error:
                run.tags({STATE: "failed" if isinstance(error, Exception) else "interrupted"})
                raise
            else:
                run.tags({STATE: "complete"})
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
    except AlignFreezeError as error:
        problem = str(error)
    except Exception as error:  # a defect, or no memory: the next may do better
        problem = reason_of(error)
        logger.debug("%s", name, exc_info=True)
    except BaseException:
        queue.give_back(trial)
        raise
    attributes: dict[str, Any] = {SECONDS: time.monotonic() - began}
    if problem:
        attributes[PROBLEM] = problem
    if journals := begun():
        attributes[UNLOGGED] = journals
    queue.finish(trial, state, values if state == TrialState.COMPLETE else None, attributes)


def take_one(queue: TrialQueue, do: Doing) -> bool:
    """Do the next trial of a queue; False if none is waiting."""
    queue.retry_vanished()
    claim = queue.claim()
    if claim is None:
        return False
    # What every trial would say again is not said: bars, and all but warnings.
    phases = logging.getLogger("alignfreeze")
    level = phases.level
    phases.setLevel(logging.WARNING)
    try:
        with passing_bars():
            do(claim)
    finally:
        phases.setLevel(level)
    return True


def work_until_finished(
    finished: Callable[[], bool], queues: Sequence[tuple[TrialQueue, Doing]]
) -> int:
    """Do what waits in queues, the first first, until their study is finished.

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
