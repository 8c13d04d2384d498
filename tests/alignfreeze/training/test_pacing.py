"""Learning rates of parameters, and freezing for a while, against plain loops."""

import pytest
import torch

from alignfreeze.encoders.rates import factor_at
from alignfreeze.errors import Interrupted
from tests.alignfreeze.training.toys import Stream, Toy, killed_at, parameters, plan, uneven

HALVES = tuple([0.0] * 50 + [1.0] * 50)


def rates_of(model: Toy) -> dict:
    """The first matrix is frozen for half of the steps, the last layer is slow."""
    slow = dict.fromkeys(model.net[3].parameters(), (0.25,))
    return {model.net[0].weight: HALVES, **slow}


def plainly(steps: int) -> dict[str, torch.Tensor]:
    """An Adam for each parameter, which takes no step while the parameter is frozen."""
    model = Toy()
    rates = rates_of(model)
    own = {p: torch.optim.Adam([p], lr=0.01) for p in model.net.parameters()}
    for step in range(steps):
        batch = uneven(step)
        model.zero_grad()
        (model(batch) / batch.weight).backward()
        for parameter, adam in own.items():
            factor = factor_at(rates.get(parameter, (1.0,)), step, steps)
            adam.param_groups[0]["lr"] = 0.01 * factor
            if factor:
                adam.step()
    return parameters(model)


@pytest.mark.parametrize("steps", [2, 7, 20])
def test_rates_are_those_of_a_plain_loop(run, steps):
    model = Toy()
    run(model, Stream(uneven), plan(steps), rates=rates_of(model))
    expected = plainly(steps)
    for name, parameter in parameters(model).items():
        torch.testing.assert_close(parameter, expected[name], rtol=1e-5, atol=1e-7, msg=name)


def test_without_rates_there_is_one_group_as_ever(run):
    model, other = Toy(), Toy()
    run(model, Stream(uneven), plan(5))
    run(other, Stream(uneven), plan(5), rates=dict.fromkeys(other.parameters(), (1.0,)))
    assert all(map(torch.equal, model.parameters(), other.parameters()))


@pytest.mark.parametrize("at", [3, 6, 8])
def test_training_goes_on_to_the_same_bits(run, at):
    """Before, at and after the step at which something is unfrozen."""
    steps = plan(10, checkpoint_steps=2)
    expected = Toy()
    run(expected, Stream(uneven), steps, rates=rates_of(expected))
    model = Toy(dropout=0.0)
    with pytest.raises(Interrupted, match="interrupted by a signal"):
        run(model, killed_at(at), steps, rates=rates_of(model))
    again = Toy()
    run(again, Stream(uneven), steps, resume=True, rates=rates_of(again))
    assert all(map(torch.equal, again.parameters(), expected.parameters()))


@pytest.mark.parametrize(
    ("step", "steps", "expected"), [(0, 2, 0.0), (1, 2, 1.0), (49, 100, 0.0), (50, 100, 1.0)]
)
def test_a_factor_is_that_of_the_hundredth(step, steps, expected):
    assert factor_at(HALVES, step, steps) == expected
    assert factor_at((0.5,), step, steps) == 0.5
