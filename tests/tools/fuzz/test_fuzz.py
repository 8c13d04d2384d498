"""Short runs of what `make fuzz` does for longer, and the inputs that once failed."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alignfreeze.cli.main import OPTIONS
from alignfreeze.errors import ConfigError
from tools.fuzz import running
from tools.fuzz.__main__ import CORPUS, all_subjects, count_table
from tools.fuzz.mutations import mutated
from tools.fuzz.running import (
    ACCEPTED,
    REFUSED,
    Hung,
    Input,
    Subject,
    fuzzed,
    keep_in,
    kept,
    smaller,
    tried,
)

ROUNDS = 10
KEPT = sorted(CORPUS.glob("*.json"))


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: Any) -> Iterator[dict[str, Subject]]:
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(folder / "cache"))
        patch.setenv("MLFLOW_TRACKING_URI", "")  # is set, and is to be as it was
        yield {subject.name: subject for subject in all_subjects(folder)}


def test_no_input_fails(subjects: dict[str, Subject]) -> None:
    failed = []

    def keep(subject: Subject, given: Input, fault: str) -> None:
        failed.append(f"{subject.name}: {fault}: {str(given)[:300]}")

    counts = fuzzed(subjects.values(), rounds=ROUNDS, seed=0, keep=keep)
    assert not failed, "\n".join(failed)
    assert set(counts) == set(subjects) > {*OPTIONS, "config=", "model folder"}
    assert {count.inputs for count in counts.values()} == {ROUNDS}
    # What is made is neither all wrong nor all right.
    refused = sum(count.refused for count in counts.values())
    assert 0.5 < refused / (ROUNDS * len(counts)) < 0.95
    assert count_table(counts).row_count == len(counts) + 1


@pytest.mark.parametrize("file", KEPT, ids=[file.stem for file in KEPT])
def test_what_failed_once_does_not_fail_again(file: Path, subjects: dict[str, Subject]) -> None:
    name, given = kept(file)
    assert tried(subjects[name], given) in (ACCEPTED, REFUSED)


class Reader:
    """Reads a text as its letters say."""

    name = "reader"

    def make(self, random: Random) -> dict[str, bytes]:
        return {"x": random.choice([b"right", b"wrong", b"a failure of it"]), "y": b"z"}

    def read(self, given: Input) -> None:
        text = given.get("x", b"").decode()
        if "wrong" in text:
            raise ConfigError("x must be right, got wrong")
        if "long" in text:
            raise ConfigError("x" * 1900 + text)
        if "fail" in text:
            raise KeyError(text)
        while "hang" in text:
            pass


@pytest.mark.parametrize(
    ("text", "became"),
    [("right", ACCEPTED), ("wrong", REFUSED), ("fail", "KeyError in"), ("hang", "hangs")],
)
def test_what_becomes_of_an_input(text: str, became: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(running, "MOST_SECONDS", 0.05)
    assert tried(Reader(), {"x": text.encode()}).startswith(became)
    assert (tried(Reader(), {"x": text.encode()}) == "") == (became == "")


def test_a_message_that_is_too_long_fails(monkeypatch: Any) -> None:
    monkeypatch.setattr(running, "MOST_CHARACTERS", 1000)
    assert tried(Reader(), {"x": b"long"}) == "says 1904 characters"


def test_a_failing_input_is_made_smaller_and_kept(tmp_path: Path) -> None:
    found: list[Input] = []
    counts = fuzzed([Reader()], rounds=20, seed=0, keep=lambda _, given, __: found.append(given))
    count = counts["reader"]
    assert (count.inputs, count.refused + count.accepted + len(count.failures)) == (20, 20)
    assert min(count.refused, count.accepted, len(count.failures)) > 0
    assert found == [{"x": b"fail"}]  # once for a kind of failure
    file = keep_in(tmp_path, Reader(), found[0], "KeyError")
    assert kept(file) == ("reader", found[0])
    assert json.loads(file.read_text("utf-8"))["fault"] == "KeyError"


def test_the_same_seed_makes_the_same_input() -> None:
    content = b'{"a": [1, 2]}\nb\tc\n'
    some = [mutated(content, "x", Random(seed)) for seed in range(50)]
    assert some == [mutated(content, "x", Random(seed)) for seed in range(50)]
    assert len(set(some)) > 40


def test_nothing_stays_armed() -> None:
    import signal

    assert issubclass(Hung, BaseException)
    tried(Reader(), {"x": b"right"})
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert smaller(Reader(), {"x": b"no fail", "y": b""}, "KeyError: x") == {"x": b"fail"}
