import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import torch
from accelerate.utils import load, set_seed
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from alignfreeze.base.caching import seal
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.errors import Interrupted, TrainingError
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.loop import LOG_STEPS, TrainingPlan, deferred_signals, train

WORKER = Path(__file__).with_name("ddp_worker.py")


@dataclass(frozen=True)
class Rows:
    """Rows with a goal, of which the first ``weight`` count."""

    x: Tensor
    weights: tuple[int, ...]

    @property
    def weight(self) -> int:
        return sum(self.weights)

    @property
    def size(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> "Rows":
        return self


def rows(number: int, weight: int, size: int = 6) -> Rows:
    x = torch.randn(size, 4, generator=torch.Generator().manual_seed(number))
    return Rows(x, (weight,))


def joined(one: Rows, other: Rows) -> Rows:
    return Rows(torch.cat([one.x, other.x]), one.weights + other.weights)


class Stream:
    """Batches by their numbers; remembers which were asked for."""

    def __init__(self, batch: Callable[[int], Rows]) -> None:
        self.batch = batch
        self.numbers: list[int] = []

    def batches(self, start: int) -> Iterator[Rows]:
        for number in count(start):
            self.numbers.append(number)
            yield self.batch(number)


def uneven(number: int) -> Rows:
    return rows(number, 1 + number * 5 % 6)


class Toy(nn.Module):
    """Learns the sum of a row's numbers."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(
                nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1)
            )
            self.fixed = nn.Linear(4, 1).requires_grad_(False)

    def forward(self, batch: Rows) -> Tensor:
        goals = batch.x.sum(dim=1, keepdim=True) + 0 * self.fixed(batch.x)
        errors = (self.net(batch.x) - goals).pow(2).flatten()
        parts = errors.split(len(errors) // len(batch.weights))
        terms = [part[:n].sum() for part, n in zip(parts, batch.weights, strict=True)]
        return torch.stack(terms).sum()


def plan(steps: int, **changes) -> TrainingPlan:
    values = {
        "phase": "toy",
        "unit": "rows",
        "learning_rate": 0.01,
        "warmup_steps": None,
        "accumulation": 1,
        "checkpoint_steps": 1000,
    }
    return TrainingPlan(steps=steps, **(values | changes))


@pytest.fixture
def folder(tmp_path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "me")


def newest(folder: CheckpointFolder) -> Path | None:
    return next(iter(folder.found()), None)


@pytest.fixture
def run(accelerator, folder):
    """Trains with checkpoints in tmp_path."""

    def train_model(model, stream, plan, *, resume=False, **options):
        return train(model, stream, plan, accelerator, checkpoints=folder, resume=resume, **options)

    return train_model


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def moved(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}


# Learning


def test_the_loss_goes_down(run):
    result = run(Toy(), Stream(uneven), plan(200))
    assert result.losses[-1].loss < 0.1 * result.losses[0].loss
    assert result.empty_steps == 0
    assert result.per_second > 0


def test_the_loss_is_recorded_every_few_steps_and_at_the_end(run):
    records: list[LossRecord] = []
    result = run(Toy(), Stream(uneven), plan(2 * LOG_STEPS + 3), on_loss=records.append)
    assert [record.step for record in records] == [LOG_STEPS, 2 * LOG_STEPS, 2 * LOG_STEPS + 3]
    assert records == result.losses


def test_a_record_is_the_mean_over_its_steps(run):
    model, stream = Toy(), Stream(uneven)
    expected = [float(model(uneven(n)).detach()) / uneven(n).weight for n in range(LOG_STEPS)]
    (record,) = run(model, stream, plan(LOG_STEPS, learning_rate=1e-12)).losses
    assert record.loss == pytest.approx(sum(expected) / LOG_STEPS, rel=1e-5)


def test_it_trains_with_dropout(run):
    model = Toy().eval()
    run(model, Stream(uneven), plan(1))
    assert model.training


def test_what_needs_no_gradient_stays_and_is_not_in_the_optimizer(run):
    model = Toy()
    before = parameters(model)
    with recorded_steps() as steps:
        run(model, Stream(uneven), plan(3))
    assert moved(model, before) == {name for name in before if name.startswith("net.")}
    assert {id(p) for p in steps[0].parameters} == {id(p) for p in model.net.parameters()}


def test_no_more_batches_are_taken_than_steps_need(run):
    stream = Stream(uneven)
    run(Toy(), stream, plan(5, accumulation=3))
    assert stream.numbers == list(range(15))


# The schedule


@dataclass(frozen=True)
class Step:
    """What an optimizer was about to do."""

    rate: float
    decay: float
    parameters: list[Tensor]


class recorded_steps:  # noqa: N801  as contextlib's
    """Records every step of every optimizer."""

    def __enter__(self) -> list[Step]:
        steps: list[Step] = []

        def record(optimizer, args, kwargs) -> None:
            (group,) = optimizer.param_groups
            steps.append(Step(float(group["lr"]), group["weight_decay"], group["params"]))

        self._handle = register_optimizer_step_pre_hook(record)
        return steps

    def __exit__(self, *error: object) -> None:
        self._handle.remove()


@pytest.mark.parametrize("accumulation", [1, 2, 3])
def test_the_schedule_counts_optimizer_steps(run, accumulation):
    asked = plan(8, learning_rate=0.3, warmup_steps=2, accumulation=accumulation)
    with recorded_steps() as steps:
        run(Toy(), Stream(uneven), asked)
    expected = [0.3 * min(n / 2, (8 - n) / 6) for n in range(8)]
    assert [step.rate for step in steps] == pytest.approx(expected)


def test_without_warmup_the_rate_is_constant(run):
    with recorded_steps() as steps:
        run(Toy(), Stream(uneven), plan(5, learning_rate=0.3, accumulation=2))
    assert [step.rate for step in steps] == pytest.approx([0.3] * 5)
    assert {step.decay for step in steps} == {0}


# Accumulation


def test_two_batches_accumulated_are_one_of_twice_the_size(run):
    assert {uneven(n).weight for n in range(6)} == {1, 2, 3, 4, 5, 6}
    small, large = Toy(), Toy()
    first = run(small, Stream(uneven), plan(12, accumulation=2))
    second = run(large, Stream(lambda n: joined(uneven(2 * n), uneven(2 * n + 1))), plan(12))
    for name, parameter in small.named_parameters():
        torch.testing.assert_close(parameter, large.get_parameter(name), rtol=1e-5, atol=1e-6)
    for one, other in zip(first.losses, second.losses, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-5)


def test_every_term_of_the_accumulated_batches_weighs_the_same(run):
    model = Toy()
    batches = [rows(0, 1), rows(1, 6)]
    loss = sum(model(batch) for batch in batches) / 7
    loss.backward()
    expected = {name: p.grad.clone() for name, p in model.net.named_parameters()}
    model.zero_grad()
    found = {}

    def keep(optimizer, args, kwargs) -> None:
        found.update({name: p.grad.clone() for name, p in model.net.named_parameters()})

    handle = register_optimizer_step_pre_hook(keep)
    run(model, Stream(lambda n: batches[n]), plan(1, accumulation=2))
    handle.remove()
    torch.testing.assert_close(found, expected)


# Empty batches


@pytest.mark.parametrize("warmup", [None, 1])
def test_a_step_without_terms_changes_nothing_and_is_counted(run, warmup):
    model = Toy()
    before = parameters(model)
    result = run(model, Stream(lambda n: rows(n, 0)), plan(3, warmup_steps=warmup))
    assert moved(model, before) == set()
    assert result.empty_steps == 3
    assert [record.loss for record in result.losses] == [0]


def test_a_step_without_terms_leaves_the_optimizers_averages(run):
    with_empty, without = Toy(), Toy()
    batches = [rows(0, 6), rows(1, 0), rows(2, 6)]
    result = run(with_empty, Stream(lambda n: batches[n]), plan(3))
    run(without, Stream(lambda n: batches[2 * n]), plan(2))
    assert moved(with_empty, parameters(without)) == set()
    assert result.empty_steps == 1


def test_an_empty_batch_beside_a_full_one_is_no_empty_step(run):
    both, alone = Toy(), Toy()
    result = run(both, Stream(lambda n: rows(n, 6 * (n % 2))), plan(2, accumulation=2))
    run(alone, Stream(lambda n: rows(2 * n + 1, 6)), plan(2))
    assert result.empty_steps == 0
    for name, parameter in both.named_parameters():
        torch.testing.assert_close(parameter, alone.get_parameter(name))


# Interruption and resuming


def killed_at(step: int, number: int = signal.SIGTERM) -> Stream:
    """A stream that sends a signal while the batch of a step is made; steps count from 1."""

    def batch(n: int) -> Rows:
        if n == step - 1:
            os.kill(os.getpid(), number)
        return uneven(n)

    return Stream(batch)


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

    def empty_until_killed(n: int) -> Rows:
        if n == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return rows(n, 0)

    with pytest.raises(Interrupted, match="after step 3 of 6"):
        run(Toy(), Stream(empty_until_killed), asked)
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


# Signals


@pytest.fixture(autouse=True)
def signals_that_are_not_ignored() -> Iterator[None]:
    """As in a terminal; a shell's background job inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_ignored_signal_stays_ignored(run):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert len(run(Toy(), killed_at(2, signal.SIGINT), plan(5)).losses) == 1


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]


def test_handlers_are_restored(run):
    before = handlers()
    run(Toy(), Stream(uneven), plan(1))
    assert handlers() == before
    with pytest.raises(Interrupted, match="after step 1 of 5"):
        run(Toy(), killed_at(1), plan(5))
    assert handlers() == before

    def fail(n: int) -> Rows:
        raise RuntimeError("no batch")

    with pytest.raises(RuntimeError, match="no batch"):
        run(Toy(), Stream(fail), plan(1))
    assert handlers() == before


def test_a_second_signal_is_not_deferred():
    with deferred_signals() as received:
        signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            signal.raise_signal(signal.SIGINT)
        received.clear()


def test_a_signal_that_comes_as_handlers_are_set_is_deferred(monkeypatch):
    set_handler, sent = signal.signal, []

    def set_and_send(number, handler):
        set_handler(number, handler)
        if number == signal.SIGINT and not sent:
            sent.append(number)
            signal.raise_signal(number)

    before = handlers()
    monkeypatch.setattr(signal, "signal", set_and_send)
    with deferred_signals() as received:
        assert received == [signal.SIGINT]
        received.clear()
    assert handlers() == before


def test_a_signal_that_comes_too_late_to_stop_is_handed_on(run):
    before = handlers()
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        run(Toy(), killed_at(5, signal.SIGINT), plan(5))
    assert handlers() == before


# Precision


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", None)])
@pytest.mark.usefixtures("no_accelerator")
def test_the_forward_pass_is_in_that_precision(folder, precision, dtype):
    model = Toy()
    seen = []
    model.net[0].register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    train(
        model,
        Stream(uneven),
        plan(1),
        make_accelerator(precision),
        checkpoints=folder,
        resume=False,
    )
    assert seen == [dtype or torch.float32]
    assert {p.dtype for p in model.parameters()} == {torch.float32}


# Several processes


def in_two_processes(folder: Path, *arguments: str) -> list[dict[str, object]]:
    """What each of two processes ended with."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(WORKER), str(folder), "1", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory) -> Path:
    """Where two processes leave their checkpoints, and what they end with."""
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def two_processes(of_two):
    return in_two_processes(of_two)


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


@pytest.mark.usefixtures("no_accelerator")
def test_two_processes_are_one_that_accumulates_two_batches(two_processes, tmp_path):
    runpy.run_path(str(WORKER))["main"](tmp_path, 2)
    alone = torch.load(tmp_path / "0.pt")
    assert [state["processes"] for state in (*two_processes, alone)] == [2, 2, 1]
    first, second = two_processes
    assert first["losses"] == second["losses"]
    for name, parameter in first["parameters"].items():
        assert torch.equal(parameter, second["parameters"][name])
        torch.testing.assert_close(parameter, alone["parameters"][name])
    for (step, loss), (expected_step, expected_loss) in zip(
        first["losses"], alone["losses"], strict=True
    ):
        assert (step, loss) == (expected_step, pytest.approx(expected_loss))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (1, "step 1, before anything was learnt, so it is not the learning rate: the model's"),
        (3, "step 3; the learning rate, 0.01, must be lower"),
    ],
)
def test_a_loss_that_is_no_number_says_what_is_at_fault(run, first, said):
    def batch(number: int) -> Rows:
        found = rows(number, 6)
        return Rows(found.x * torch.inf, found.weights) if number + 1 >= first else found

    with pytest.raises(TrainingError, match=f"the loss is not a number by {said}"):
        run(Toy(), Stream(batch), plan(5))
