import signal
import threading
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from alignfreeze.errors import Interrupted, TrainingError
from alignfreeze.training.checkpoints import LossRecord
from alignfreeze.training.devices import make_accelerator
from alignfreeze.training.loop import LOG_STEPS, deferred_signals, train
from tests.alignfreeze.training.toys import (
    Rows,
    Stream,
    Toy,
    joined,
    killed_at,
    moved,
    parameters,
    plan,
    rows,
    uneven,
)

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


def test_batches_made_ahead_teach_the_same_and_leave_no_thread(run):
    def learnt(ahead: int) -> dict[str, Tensor]:
        torch.manual_seed(0)
        run(model := Toy(dropout=0.5), Stream(uneven), plan(12, accumulation=2, ahead=ahead))
        return parameters(model)

    before = threading.active_count()
    expected, found = learnt(0), learnt(5)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert threading.active_count() == before


def test_what_fails_while_a_batch_is_made_fails_at_its_step(run, folder):
    def broken(n: int) -> Rows:
        if n == 7:
            raise ConnectionError("broken off")
        return uneven(n)

    before = threading.active_count()
    with pytest.raises(ConnectionError, match="broken off"):
        run(Toy(), Stream(broken), plan(20, checkpoint_steps=7))
    assert folder.found() == [folder.folder / "step-000000007"]
    assert threading.active_count() == before


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

    with register_optimizer_step_pre_hook(keep):
        run(model, Stream(lambda n: batches[n]), plan(1, accumulation=2))
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


# Signals


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


# What went wrong


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


def test_attention_prepares_nothing_for_each_shape_meanwhile(run):
    found = []

    class Looking(Toy):
        def forward(self, batch):
            found.append(torch.backends.cuda.cudnn_sdp_enabled())
            return super().forward(batch)

    assert torch.backends.cuda.cudnn_sdp_enabled()
    run(Looking(), Stream(uneven), plan(1))
    assert found == [False]
    assert torch.backends.cuda.cudnn_sdp_enabled()
