"""Trials that are told what to do, where others draw it: cells of a grid, seeds, tests."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypeVar

import optuna
from optuna.pruners import NopPruner
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from alignfreeze.workers.queue import RUN_ID, SECONDS, Claim, TrialQueue, problem_of

Attributes = Mapping[str, Any]
K = TypeVar("K", bound=Hashable)

NO_OBJECTIVE = [0.0]  # of trials that are not searched among


class CellEnd(NamedTuple):
    """How a cell ended; without a problem if it is complete, or a run if it failed before that."""

    trial: int
    problem: str
    seconds: float
    run_id: str


def open_cells(storage: RDBStorage, name: str) -> TrialQueue:
    """The queue of a study of cells alone, made if there is none of that name."""
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction=StudyDirection.MAXIMIZE,
        pruner=NopPruner(),
        load_if_exists=True,
    )
    return TrialQueue(study, storage)


def put_in(
    queue: TrialQueue,
    wanted: Mapping[K, Attributes],
    key_of: Callable[[Attributes], K],
    *,
    complete_too: bool = False,
) -> None:
    """Put cells into a queue that are neither there nor done; once more what has failed.

    Wanted are user attributes, by the cell's key; what is complete may be put in once more, too.
    """
    there = {
        key_of(trial.user_attrs)
        for trial in queue.kept()
        if not (complete_too and trial.state == TrialState.COMPLETE)
    }
    for key, attributes in wanted.items():
        if key not in there:
            queue.study.enqueue_trial({}, dict(attributes))


def waiting_in(queue: TrialQueue) -> list[Attributes]:
    """The user attributes of the cells that nobody has claimed."""
    return [t.user_attrs for t in queue.trials() if t.state == TrialState.WAITING]


def ends_of(queue: TrialQueue, key_of: Callable[[Attributes], K]) -> dict[K, CellEnd]:
    """How cells ended, the last time each; those that wait or run are left out."""
    return {
        key_of(trial.user_attrs): CellEnd(
            trial.number,
            problem_of(trial) if trial.state == TrialState.FAIL else "",
            float(trial.user_attrs.get(SECONDS, "nan")),
            trial.user_attrs.get(RUN_ID, ""),
        )
        for trial in queue.trials()
        if trial.state.is_finished()
    }


def complete(queue: TrialQueue, claim: Claim, run_id: str) -> None:
    """End a claimed cell that a run turns out to hold already."""
    queue.finish(claim.trial, TrialState.COMPLETE, NO_OBJECTIVE, {RUN_ID: run_id, SECONDS: 0.0})
