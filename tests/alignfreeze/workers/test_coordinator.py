"""What a coordinator does when the workers that it has started are gone."""

import logging
import socket
from contextlib import nullcontext
from functools import partial

import optuna
import pytest
from optuna.trial import TrialState

from alignfreeze.base.processes import this_process
from alignfreeze.errors import AlignFreezeError, TrackingError
from alignfreeze.tracking import store
from alignfreeze.tracking.names import PROCESS, Kind
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.tracking.store import StoredRun
from alignfreeze.tracking.unlogged import also_begun, complain
from alignfreeze.workers import coordinator, worker
from alignfreeze.workers.coordinator import Workers
from alignfreeze.workers.queue import RUN_ID, UNLOGGED, TrialQueue
from alignfreeze.workers.storage import open_storage
from alignfreeze.workers.worker import Owner

DEAD = f"{socket.gethostname()}:{2**22 + 1}:0"  # no process has such a number


class Ended:
    """A launcher whose workers have all ended."""

    def problems(self):
        return ["worker 0 was ended by SIGKILL: so it was"]

    def running(self):
        return 0


@pytest.fixture
def queue(tmp_path, monkeypatch):
    monkeypatch.setattr(coordinator, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(coordinator, "BETWEEN_TRIALS_SECONDS", 0.5)
    with open_storage(f"sqlite:///{tmp_path / 'optuna.db'}", 600) as storage:
        study = optuna.create_study(storage=storage)
        study.enqueue_trial({})
        yield TrialQueue(study, storage)


def held_by(monkeypatch, queue, process):
    """A trial in the hands of a process."""
    trial = queue.claim().trial
    trial.set_user_attr(RUN_ID, "a run")
    run = StoredRun(
        **dict.fromkeys(StoredRun._fields, None) | {"run_id": "a run", "tags": {PROCESS: process}}
    )
    monkeypatch.setattr(store, "stored_run", lambda run_id: run if run_id == "a run" else None)
    return trial


def test_it_goes_on_while_one_that_has_joined_works(queue, monkeypatch, caplog):
    trial, looks = held_by(monkeypatch, queue, this_process()), []

    def look():
        looks.append(queue.counts().running)
        if len(looks) == 4:
            queue.finish(trial, TrialState.COMPLETE, [0.0], {})

    with caplog.at_level(logging.WARNING):
        Workers(Ended()).work_on(queue, print, look=look)
    assert looks == [1, 1, 1, 1, 0]
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "worker 0 was ended by SIGKILL: so it was",
        "all workers of this process have ended",
    ]


@pytest.mark.parametrize("begun", [False, True])
def test_it_gives_up_where_nobody_works(queue, monkeypatch, begun):
    if begun:
        held_by(monkeypatch, queue, DEAD)
    with pytest.raises(AlignFreezeError, match="no worker is left: worker 0 was ended by SIGKILL"):
        Workers(Ended()).work_on(queue, print, look=lambda: None)


def test_it_gives_up_where_one_that_had_joined_has_gone(queue, monkeypatch):
    trial = held_by(monkeypatch, queue, this_process())
    looks = []

    def look():
        looks.append(None)
        if len(looks) == 2:
            queue.give_back(trial)

    with pytest.raises(AlignFreezeError, match="no worker is left"):
        Workers(Ended()).work_on(queue, print, look=look)
    assert len(looks) > 2


def test_journals_of_workers_are_complained_of_once(queue):
    def work(claim, **attributes):
        queue.finish(claim.trial, TrialState.COMPLETE, [0.0], attributes)

    Workers(None).work_on(queue, partial(work, unlogged=["/before"]), look=lambda: None)
    with pytest.raises(TrackingError, match="alignfreeze sync /before"):
        complain()
    queue.study.enqueue_trial({})
    queue.study.enqueue_trial({})
    journals = ["/a/journal", "/b/journal"]
    Workers(None).work_on(queue, partial(work, unlogged=journals), look=lambda: None)
    told = r": alignfreeze sync /a/journal; alignfreeze sync /b/journal$"
    with pytest.raises(TrackingError, match=told):
        complain()
    complain()


def test_a_trial_says_which_journal_it_is_in(queue, monkeypatch):
    monkeypatch.setattr(worker, "tracked_run", lambda *args, **options: nullcontext(TrackedRun("")))
    monkeypatch.setattr(TrackedRun, "tags", lambda *args: None)
    also_begun(["/a/journal"])
    worker.do_trial(
        Owner("study", "run"),
        queue,
        queue.claim(),
        lambda run: [0.0],
        name="trial",
        kind=Kind.TRIAL,
    )
    assert queue.trials()[0].user_attrs[UNLOGGED] == ["/a/journal"]
    with pytest.raises(TrackingError):
        complain()
