"""What a process does once the others are gone, where no library of its own notices."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from alignfreeze.errors import ElsewhereError
from alignfreeze.training import endings


class Gone:
    """The store by which processes have met, after the one that holds it has ended."""

    def check(self, names):
        raise RuntimeError("Broken pipe")

    def compare_set(self, name, expected, value):
        raise RuntimeError("Broken pipe")


@pytest.fixture
def words(monkeypatch):
    """A place for the store of the test, and no patience."""

    def connect():
        return place.store

    connect.__wrapped__ = lambda: place.again
    place = SimpleNamespace(store=Gone(), again=Gone())
    monkeypatch.setattr(endings, "_words", connect)
    monkeypatch.setattr(endings, "_read_words", [])
    monkeypatch.setattr(endings, "_ending", threading.Event())
    monkeypatch.setattr(endings, "FAREWELL_SECONDS", 0.05)
    monkeypatch.setattr(endings, "WATCH_SECONDS", 0.01)
    before = signal.getsignal(signal.SIGTERM)
    yield place
    signal.signal(signal.SIGTERM, before)


SECOND = SimpleNamespace(num_processes=2, process_index=1, is_main_process=False)


def test_who_waits_for_a_machine_that_is_gone_is_ended(words, monkeypatch, caplog):
    ended = []
    monkeypatch.setattr(os, "kill", lambda process, number: ended.append((process, number)))
    monkeypatch.setattr(os, "_exit", ended.append)
    endings._watch(SECOND, threading.Event())
    assert ended == [(os.getpid(), signal.SIGTERM), 1]
    assert "ended without a word" in caplog.text


def test_who_notices_says_so(words):
    begun = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: begun.set())

    def run():
        with endings.as_one(SECOND):
            assert begun.wait(10)
            raise RuntimeError("as a library that was interrupted")

    with pytest.raises(ElsewhereError, match="ended without a word") as said:
        run()
    assert not said.value.said


@pytest.mark.parametrize("lost", ["for good", "once"])
def test_who_is_done_when_the_store_goes_is_left_alone(words, monkeypatch, lost):
    monkeypatch.setattr(endings, "FAREWELL_SECONDS", 10 if lost == "for good" else 0.01)
    if lost == "once":
        words.again = SimpleNamespace(check=lambda names: False)
    ended = []
    monkeypatch.setattr(os, "kill", lambda *sent: ended.append(sent))
    done = threading.Event()
    watch = threading.Thread(target=endings._watch, args=(SECOND, done))
    watch.start()
    watch.join(0.2)
    assert watch.is_alive()
    done.set()
    watch.join(10)
    assert not watch.is_alive()
    assert ended == []
