import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from alignfreeze.training.dropout import FEWEST, fast_dropout

CPU = torch.device("cpu")


def dropped(size: int, p: float = 0.1, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return F.dropout(torch.ones(size), p)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_as_many_are_dropped_as_should_be(p):
    with fast_dropout(CPU):
        mask = dropped(4 * FEWEST, p)
    assert set(mask.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p)).item()}
    assert (mask == 0).float().mean().item() == pytest.approx(p, abs=0.005)


def test_probability_1_keeps_and_0_drops_everything():
    with fast_dropout(CPU):
        assert torch.empty(FEWEST).bernoulli_(1.0).all()
        assert not torch.empty(FEWEST).bernoulli_(0.0).any()


def test_the_generators_state_decides():
    with fast_dropout(CPU):
        assert torch.equal(dropped(FEWEST), dropped(FEWEST))
        assert not torch.equal(dropped(FEWEST), dropped(FEWEST, seed=1))
        torch.manual_seed(0)
        first, second = F.dropout(torch.ones(FEWEST), 0.5), F.dropout(torch.ones(FEWEST), 0.5)
        assert (first == second).float().mean().item() == pytest.approx(0.5, abs=0.01)
        own = torch.Generator().manual_seed(3)
        one = torch.empty(FEWEST).bernoulli_(0.5, generator=own)
        assert torch.equal(one, torch.empty(FEWEST).bernoulli_(0.5, generator=own.manual_seed(3)))


def test_neighbours_are_independent():
    with fast_dropout(CPU):
        kept = torch.empty(4 * FEWEST).bernoulli_(0.5)
    for distance in (1, 2, 3, 4, 384):
        same = (kept[distance:] == kept[:-distance]).float().mean().item()
        assert same == pytest.approx(0.5, abs=0.005)


def test_small_masks_and_what_comes_after_are_those_of_ever():
    before = dropped(FEWEST - 1)
    large = dropped(FEWEST)
    with fast_dropout(CPU):
        assert torch.equal(dropped(FEWEST - 1), before)
        assert not torch.equal(dropped(FEWEST), large)
    assert torch.equal(dropped(FEWEST), large)


def test_an_exception_gives_the_operator_back():
    large = dropped(FEWEST)
    with pytest.raises(RuntimeError, match="stop"), fast_dropout(CPU):
        raise RuntimeError("stop")
    assert torch.equal(dropped(FEWEST), large)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_of_any_type_and_shape(dtype):
    with fast_dropout(CPU):
        mask = torch.empty(3, FEWEST, dtype=dtype)[:, ::2].bernoulli_(0.5)
    assert mask.shape == (3, FEWEST // 2)
    assert set(mask.unique().tolist()) == {0.0, 1.0}


def test_attention_and_gradients_go_through_it():
    x = torch.randn(2, 4, 128, 8, requires_grad=True)
    with fast_dropout(CPU):
        F.scaled_dot_product_attention(x, x, x, dropout_p=0.5).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_another_device_is_left_alone():
    large = dropped(FEWEST)
    with fast_dropout(torch.device("meta")):
        assert torch.equal(dropped(FEWEST), large)
