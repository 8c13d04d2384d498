"""The queue that workers share: claimed once, given back, tried again, never lost."""

import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from uuid import uuid4

import optuna
import pytest
from optuna.samplers import RandomSampler, TPESampler
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.orm import Session

from alignfreeze.errors import ConfigError
from alignfreeze.workers.command import wait_until
from alignfreeze.workers.queue import GIVEN_BACK, PROBLEM, RETRIES, TrialQueue, problem_of, retry
from alignfreeze.workers.storage import open_storage, sole_coordinator

ABOUT = {"what": "searched", "subcommand": "search-worker"}

HEARTBEAT = 600
"""Seconds: slower than any pause that a busy machine makes."""

PATIENCE = 600.0
"""Seconds after which something hangs."""

CLAIMING_WORKER = """
import sys
import optuna
from optuna.trial import TrialState
from alignfreeze.workers.queue import TrialQueue
from alignfreeze.workers.storage import open_storage
while line := sys.stdin.readline():
    url, name = line.split()
    with open_storage(url, 30) as storage:
        queue = TrialQueue(optuna.load_study(study_name=name, storage=storage), storage)
        print("ready", flush=True)
        sys.stdin.readline()
        while claim := queue.claim():
            print(claim.trial.number, flush=True)
            queue.finish(claim.trial, TrialState.COMPLETE, [0.0], {})
        print("end", flush=True)
"""
"""Told on its standard input of a study, then that it may begin; says what it has claimed."""


@pytest.fixture(scope="module")
def claiming_workers():
    """Two processes for all storages, as it takes them long to start."""
    command = [sys.executable, "-c", CLAIMING_WORKER]
    pipe = subprocess.PIPE
    workers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    yield workers
    for worker in workers:
        worker.communicate(timeout=PATIENCE)
    assert [worker.returncode for worker in workers] == [0, 0]


@pytest.fixture
def make_queue(storage_url):
    """Makes a queue with so many trials waiting, on either storage."""
    with ExitStack() as stack:

        def make(waiting: int) -> TrialQueue:
            storage = stack.enter_context(open_storage(storage_url, HEARTBEAT, retry))
            name = uuid4().hex
            study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
            for number in range(waiting):
                study.enqueue_trial({}, {"place": number})
            return TrialQueue(study, storage)

        yield make


def test_trials_are_claimed_in_order_and_once(make_queue):
    queue = make_queue(3)
    claims = [queue.claim() for _ in range(4)]
    assert [claim and claim.trial.number for claim in claims] == [0, 1, 2, None]
    assert not any(claim.again for claim in claims if claim)
    counts = queue.counts()
    assert (counts.waiting, counts.running, counts.finished) == (0, 3, 0)


def test_within_read_once_the_storage_is_read_once(make_queue, monkeypatch):
    queue = make_queue(2)
    asked, get_trials = [], queue.study.get_trials
    monkeypatch.setattr(queue.study, "get_trials", lambda **k: asked.append(k) or get_trials(**k))
    with queue.read_once():
        first = queue.counts(), queue.trials(), queue.kept()
        assert len(asked) == 1
    assert (queue.counts(), queue.trials(), queue.kept()) == first
    queue.claim()
    assert queue.counts().running == 1


def test_what_was_begun_before_comes_first(make_queue):
    queue = make_queue(3)
    queue.give_back(queue.claim().trial)
    claims = [queue.claim() for _ in range(3)]
    assert [(claim.trial.number, claim.again) for claim in claims] == [
        (3, True),
        (1, False),
        (2, False),
    ]


def test_no_two_processes_claim_one_trial(make_queue, storage_url, claiming_workers):
    queue = make_queue(60)
    for worker in claiming_workers:
        print(storage_url, queue.study.study_name, file=worker.stdin, flush=True)
    assert [worker.stdout.readline() for worker in claiming_workers] == ["ready\n"] * 2
    for worker in claiming_workers:
        print("go", file=worker.stdin, flush=True)
    claimed = Counter()
    for worker in claiming_workers:
        while (line := worker.stdout.readline()) != "end\n":
            assert line, "it has died"
            claimed[int(line)] += 1
    assert claimed == Counter(range(60))


def test_a_trial_whose_worker_vanished_is_tried_again_with_what_it_drew(
    make_queue, storage_url, make_stale
):
    queue = make_queue(1)
    drawn = queue.claim().trial.suggest_float("x", 0, 1)
    queue.retry_vanished()
    assert queue.claim() is None  # it has given a sign of life just now
    make_stale(storage_url)
    queue.retry_vanished()
    again = queue.claim()
    assert again.again
    assert again.trial.suggest_float("x", 0, 1) == drawn
    assert again.trial.user_attrs["place"] == 0
    assert [trial.number for trial in queue.trials()] == [1]
    assert queue.counts().total == 1


def test_a_trial_is_tried_again_twice_at_most(make_queue, storage_url, make_stale):
    queue = make_queue(1)
    for _ in range(RETRIES + 1):
        assert queue.claim() is not None
        make_stale(storage_url)
        queue.retry_vanished()
    assert queue.claim() is None
    (last,) = queue.trials()
    assert (last.number, last.state) == (RETRIES, TrialState.FAIL)
    assert problem_of(last) == "3 workers in a row vanished with it"
    assert queue.counts().finished == queue.counts().total == 1


def test_a_worker_that_gives_signs_of_life_keeps_its_trial(
    make_queue, storage_url, make_stale, monkeypatch
):
    queue = make_queue(1)
    claim = queue.claim()
    make_stale(storage_url)
    # Many signs of life, of which any would do for long.
    monkeypatch.setattr(queue._storage, "get_heartbeat_interval", lambda: 0.05)
    with queue.alive(claim.trial):
        assert wait_until(lambda: not queue._storage._get_stale_trial_ids(queue._id), PATIENCE)
    queue.retry_vanished()
    assert queue.claim() is None
    assert queue.counts().running == 1


def test_a_worker_killed_right_after_its_claim_is_missed(make_queue, storage_url, make_stale):
    queue = make_queue(1)
    queue.claim()  # and no sign of life beside the claim's own
    make_stale(storage_url)
    queue.retry_vanished()
    assert queue.counts().waiting == 1


def test_an_interrupted_trial_is_given_back_and_counts_once(make_queue):
    queue = make_queue(1)
    claim = queue.claim()
    drawn = claim.trial.suggest_int("n", 0, 1000)
    queue.give_back(claim.trial)
    assert queue.counts().waiting == queue.counts().total == 1
    again = queue.claim()
    assert again.again
    assert again.trial.suggest_int("n", 0, 1000) == drawn
    assert GIVEN_BACK not in again.trial.user_attrs
    # As often as one likes, unlike a worker that vanishes.
    for _ in range(RETRIES + 2):
        queue.give_back(again.trial)
        again = queue.claim()
    assert queue.finish(again.trial, TrialState.COMPLETE, [1.0], {})
    assert queue.counts().total == queue.counts().finished == 1


def test_what_was_given_to_another_worker_is_not_finished_by_the_first(
    make_queue, storage_url, make_stale, caplog
):
    queue = make_queue(1)
    first = queue.claim().trial
    make_stale(storage_url)
    queue.retry_vanished()
    second = queue.claim().trial
    assert not queue.finish(first, TrialState.COMPLETE, [1.0], {"a": 1})
    assert "trial 0 was given to another worker meanwhile" in caplog.text
    assert queue.finish(second, TrialState.COMPLETE, [2.0], {"a": 2})
    assert [(t.value, t.user_attrs["a"]) for t in queue.trials()] == [(2.0, 2)]


def test_a_sampler_knows_what_was_found_before(tmp_path):
    def sampler(number):
        return TPESampler(seed=number)

    def draw(trial):
        return trial.suggest_float("x", 0, 1)

    alone = optuna.create_study(direction="maximize")
    with open_storage(f"sqlite:///{tmp_path / 'optuna.db'}", 30) as storage:
        study = optuna.create_study(storage=storage, direction="maximize")
        queue = TrialQueue(study, storage, sampler)
        for number in range(16):
            study.enqueue_trial({})
            trial = queue.claim().trial
            found = draw(trial)
            queue.finish(trial, TrialState.COMPLETE, [-abs(found - 0.7)], {})
            alone.sampler = sampler(number)
            expected = alone.ask()
            assert found == draw(expected)
            alone.tell(expected, -abs(found - 0.7))


def test_each_trial_has_its_own_sampler(tmp_path):
    with open_storage(f"sqlite:///{tmp_path / 'optuna.db'}", 30) as storage:
        study = optuna.create_study(storage=storage)
        for _ in range(2):
            study.enqueue_trial({})
        queue = TrialQueue(study, storage, lambda number: RandomSampler(seed=number))
        drawn = [queue.claim().trial.suggest_float("x", 0, 1) for _ in range(2)]
    alone = optuna.create_study(sampler=RandomSampler(seed=1)).ask().suggest_float("x", 0, 1)
    assert drawn[0] != drawn[1] == alone


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "storage 'nonsense': "),
        ("sqlite:////no/such/folder/x.db", "storage sqlite:////no/such/folder/x.db: No such file"),
        ("mysterydb://host/x", "storage mysterydb://host/x: "),
    ],
)
def test_a_storage_that_cannot_be_opened_is_one_line(url, message):
    with pytest.raises(ConfigError, match=message) as raised, open_storage(url, 30):
        pass
    assert "\n" not in str(raised.value)


def test_optuna_leaves_telling_of_trials_to_this_package(tmp_path):
    optuna.logging.set_verbosity(optuna.logging.INFO)
    with open_storage(f"sqlite:///{tmp_path / 'optuna.db'}", 30):
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR


def test_what_a_killed_worker_did_not_put_back_is_put_back_once(make_queue):
    queue = make_queue(3)
    given, vanished, failed = (queue.claim().trial for _ in range(3))
    # As if each had been killed just after it had ended its trial.
    queue.finish(given, TrialState.FAIL, None, {GIVEN_BACK: True})
    queue.finish(vanished, TrialState.FAIL, None, {})
    queue.finish(failed, TrialState.FAIL, None, {PROBLEM: "no memory"})
    counts = queue.counts()
    assert (counts.waiting, counts.finished) == (2, 1)  # so nobody takes it for the end
    queue.mend()
    assert queue.claim() is None  # they may be on their way yet
    with Session(queue._storage.engine) as session:
        for row in session.query(models.TrialModel):
            if row.datetime_complete is not None:
                row.datetime_complete = row.datetime_complete - timedelta(hours=1)
        session.commit()
    again = TrialQueue(
        optuna.load_study(study_name=queue.study.study_name, storage=queue._storage), queue._storage
    )
    again.mend()
    again.mend()
    counts = again.counts()
    assert (counts.waiting, counts.finished, counts.total) == (2, 1, 3)
    assert [again.claim().again for _ in range(2)] == [True, True]


def test_what_is_withdrawn_counts_no_more(make_queue):
    queue = make_queue(3)
    running = queue.claim().trial
    queue.withdraw()
    counts = queue.counts()
    assert (counts.waiting, counts.running, counts.total) == (0, 1, 1)
    assert [trial.number for trial in queue.trials()] == [running.number]


def test_a_study_has_one_coordinator(storage_url):
    with open_storage(storage_url, 30) as one, open_storage(storage_url, 30) as other:
        with sole_coordinator(one, "s", **ABOUT):
            with (
                pytest.raises(ConfigError, match="study 's' is being searched by another"),
                sole_coordinator(other, "s", **ABOUT),
            ):
                pass
            with sole_coordinator(other, "t", **ABOUT):
                pass
        with sole_coordinator(other, "s", **ABOUT):
            pass
