"""Training that ends early goes on from its checkpoints, as far as they are whole."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate.utils import load, set_seed

from alignfreeze.base.caching import seal
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.errors import Interrupted
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.loop import train
from tests.alignfreeze.training.toys import (
    Stream,
    Toy,
    in_two_processes,
    killed_at,
    moved,
    parameters,
    plan,
    rows,
    uneven,
)


def newest(folder: CheckpointFolder) -> Path | None:
    return next(iter(folder.found()), None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint(run, folder, number):
    message = "^toy was interrupted by a signal after step 4 of 20; turn it on again$"
    remedy = signals_as_exceptions("turn it on again")
    with pytest.raises(Interrupted, match=message) as raised, remedy:
        run(Toy(), killed_at(4, number), plan(20))
    assert raised.value.number == number
    assert newest(folder).name == "step-000000004"


@pytest.mark.parametrize("at", [7, 10, 13])
@pytest.mark.parametrize("warmup", [None, 4])
def test_a_resumed_run_is_bit_identical(run, at, warmup):
    asked = plan(25, warmup_steps=warmup)
    whole, halves = Toy(dropout=0.5), Toy(dropout=0.5)
    set_seed(3)
    expected = run(whole, Stream(uneven), asked)
    set_seed(3)
    with pytest.raises(Interrupted, match=f"after step {at} of 25"):
        run(halves, killed_at(at), asked)
    set_seed(99)
    fresh, stream, records = Toy(dropout=0.5), Stream(uneven), []
    result = run(fresh, stream, asked, resume=True, on_loss=records.append)
    assert moved(fresh, parameters(whole)) == set()
    assert result.losses == records == expected.losses
    assert stream.numbers == list(range(at, 25))


def test_resuming_with_accumulation_goes_on_at_the_right_batch(run):
    asked = plan(6, accumulation=2)
    whole, fresh = Toy(), Toy()
    run(whole, Stream(uneven), asked)
    with pytest.raises(Interrupted, match="after step 3 of 6"):
        run(Toy(), killed_at(6), asked)
    stream = Stream(uneven)
    run(fresh, stream, asked, resume=True)
    assert moved(fresh, parameters(whole)) == set()
    assert stream.numbers == list(range(6, 12))


def test_empty_steps_are_counted_over_the_interruption(run):
    asked = plan(6)
    with pytest.raises(Interrupted, match="after step 3 of 6"):
        run(Toy(), killed_at(3, batch=lambda n: rows(n, 0)), asked)
    assert run(Toy(), Stream(uneven), asked, resume=True).empty_steps == 3


def test_without_resume_it_starts_anew(run):
    with pytest.raises(Interrupted, match="after step 4"):
        run(Toy(), killed_at(4), plan(6))
    stream = Stream(uneven)
    run(Toy(), stream, plan(6))
    assert stream.numbers == list(range(6))


def test_nothing_to_resume_from_is_a_start(run):
    stream = Stream(uneven)
    run(Toy(), stream, plan(4), resume=True)
    assert stream.numbers == list(range(4))


def test_checkpoints_are_taken_on_the_way_and_the_last_two_are_kept(run, folder):
    run(Toy(), Stream(uneven), plan(10, checkpoint_steps=3))
    assert folder.found() == [folder.folder / f"step-{step:09d}" for step in (9, 6)]
    assert set(folder.found()) == set(folder.folder.iterdir())


def test_no_checkpoint_is_taken_at_the_end(run, folder):
    run(Toy(), Stream(uneven), plan(3, checkpoint_steps=3))
    assert newest(folder) is None


def test_a_checkpoint_half_written_is_ignored(run, folder):
    run(Toy(), Stream(uneven), plan(5, checkpoint_steps=4))
    partial = folder.folder / "step-000000099.partial"
    partial.mkdir()
    (partial / "progress.json").write_text("{")
    assert newest(folder).name == "step-000000004"
    stream = Stream(uneven)
    run(Toy(), stream, plan(5), resume=True)
    assert stream.numbers == [4]


def test_a_checkpoint_that_fails_leaves_the_one_before(run, folder, accelerator, monkeypatch):
    save = accelerator.save_state

    def fail_later(path: str) -> None:
        save(path)
        if "step-000000004" in path:
            raise OSError("disk full")

    monkeypatch.setattr(accelerator, "save_state", fail_later)
    with pytest.raises(OSError, match="disk full"):
        run(Toy(), Stream(uneven), plan(9, checkpoint_steps=2))
    assert newest(folder).name == "step-000000002"


CHECKPOINT_FILES = [
    "model.safetensors",
    "optimizer.bin",
    "scheduler.bin",
    "random_states_0.pkl",
    "progress.json",
]


def test_a_checkpoint_holds_what_the_tests_of_damage_know(run, folder):
    run(Toy(), Stream(uneven), plan(5, checkpoint_steps=4))
    names = {path.name for path in newest(folder).iterdir()}
    assert names == {*CHECKPOINT_FILES, "SHA256SUMS"}


@pytest.mark.parametrize("name", CHECKPOINT_FILES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("garbage"),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:-20] + bytes(20)),
    ],
    ids=["missing", "empty", "garbage", "cut", "zeros"],
)
def test_from_a_damaged_checkpoint_training_falls_back_to_the_one_before(
    run, folder, caplog, name, damage
):
    whole, fresh, stream = Toy(dropout=0.5), Toy(dropout=0.5), Stream(uneven)
    set_seed(3)
    expected = run(whole, Stream(uneven), plan(12, checkpoint_steps=5))
    damaged = newest(folder)
    damage(damaged / name)
    result = run(fresh, stream, plan(12), resume=True)
    assert result.losses == expected.losses
    assert moved(fresh, parameters(whole)) == set()
    assert stream.numbers == list(range(5, 12))
    (warning,) = caplog.messages
    assert warning.startswith(f"toy: passed over, {damaged}: the checkpoint is damaged, {name} is ")
    folder.clear()
    assert not folder.root.exists()


def test_what_another_has_left_is_dropped_by_whoever_went_on_from_it(
    run, folder, accelerator, tmp_path
):
    run(Toy(), Stream(uneven), plan(12, checkpoint_steps=5))
    other = CheckpointFolder(folder.root, "other")
    assert other.chosen(accelerator, tmp_path) == (newest(folder), [])
    other.clear()
    assert not folder.root.exists()


def without_its_random_numbers(checkpoint: Path) -> None:
    (checkpoint / "random_states_0.pkl").unlink()


def with_state(name: str, state: object) -> Callable[..., None]:
    def change(checkpoint: Path, file: str = "random_states_0.pkl") -> None:
        path = checkpoint / file
        torch.save({**load(path), name: state}, path)

    return change


class Planted:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return (open, ("planted", "w"))


def with_a_planted_pickle(name: str) -> Callable[[Path], None]:
    return lambda checkpoint: torch.save(Planted(), checkpoint / name)


REFUSED = {
    "fewer processes": (without_its_random_numbers, "it has no random_states_0.pkl"),
    "random": (with_state("random_state", (1, 2)), "do not fit this machine"),
    "numpy": (with_state("numpy_random_seed", (1, 2)), "do not fit this machine"),
    "torch": (with_state("torch_manual_seed", torch.zeros(3, dtype=torch.uint8)), "do not fit"),
    "progress": (lambda path: (path / "progress.json").write_text("[]"), "cannot be read"),
    "pickled numbers": (with_a_planted_pickle("random_states_0.pkl"), "cannot be read"),
    "pickled optimizer": (with_a_planted_pickle("optimizer.bin"), "cannot be read"),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED)
def test_without_a_checkpoint_that_fits_training_starts_anew(
    run, folder, caplog, monkeypatch, tmp_path, change, reason
):
    monkeypatch.chdir(tmp_path)
    run(Toy(), Stream(uneven), plan(12, checkpoint_steps=5))
    for checkpoint in folder.found():
        change(checkpoint)
        seal(checkpoint)
    whole, fresh, stream = Toy(dropout=0.5), Toy(dropout=0.5), Stream(uneven)
    set_seed(3)
    run(whole, Stream(uneven), plan(5))
    set_seed(3)
    run(fresh, stream, plan(5), resume=True)
    assert stream.numbers == list(range(5))
    assert moved(fresh, parameters(whole)) == set()
    (warning,) = caplog.messages
    assert warning.count(reason) == 2
    assert "\n" not in warning
    assert not (tmp_path / "planted").exists()


def test_the_newest_checkpoint_of_all_processes_counts(run, folder, accelerator):
    run(Toy(), Stream(uneven), plan(5, checkpoint_steps=4))
    other = CheckpointFolder(folder.root, "other")
    train(
        Toy(),
        Stream(uneven),
        plan(8, checkpoint_steps=7),
        accelerator,
        checkpoints=other,
        resume=False,
    )
    assert newest(folder) == newest(other) == other.folder / "step-000000007"
    folder.clear()
    assert newest(folder) == newest(other)
    other.clear()
    assert not folder.root.exists()
    assert newest(folder) is None


# Several processes


def test_processes_fall_back_together_to_what_fits_each_of_them(two_processes, of_two):
    newest, before = CheckpointFolder(of_two / "checkpoints", "toy").found()
    assert (newest.name, before.name) == ("step-000000010", "step-000000005")
    with_state("random_state", (1, 2))(newest, "random_states_1.pkl")
    seal(newest)
    resumed = in_two_processes(of_two, "resume")
    for state, expected in zip(resumed, two_processes, strict=True):
        assert state["resumed_at"] == 5
        assert state["losses"] == expected["losses"]
        for name, parameter in expected["parameters"].items():
            assert torch.equal(parameter, state["parameters"][name])
