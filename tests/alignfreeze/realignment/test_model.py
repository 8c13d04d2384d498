import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from alignfreeze.contracts.contrastive import contrastive_alignment_loss


def naive_loss(words: Tensor, anchors: Tensor, positives: Tensor, temperature: float) -> float:
    """The formula of the docstring, one number at a time."""

    def sim(a: int, b: int) -> float:
        x, y = words[a].tolist(), words[b].tolist()
        dot = sum(p * q for p, q in zip(x, y, strict=True))
        return dot / math.sqrt(sum(p * p for p in x)) / math.sqrt(sum(q * q for q in y))

    losses = []
    for anchor, positive in zip(anchors.tolist(), positives.tolist(), strict=True):
        others = [k for k in range(len(words)) if k != anchor]
        total = sum(math.exp(sim(anchor, k) / temperature) for k in others)
        losses.append(-math.log(math.exp(sim(anchor, positive) / temperature) / total))
    return sum(losses) / len(losses)


def batch(seed: int, n: int, m: int, dim: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Words, and m one-to-one pairs among them in both directions."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    left, right = torch.randperm(n, generator=generator)[: 2 * m].view(2, m)
    return words, torch.cat([left, right]), torch.cat([right, left])


@given(
    seed=st.integers(0, 2**31),
    m=st.integers(1, 5),
    unaligned=st.integers(0, 6),
    dim=st.integers(1, 9),
    temperature=st.sampled_from([0.05, 0.1, 1.0, 7.5]),
)
@settings(max_examples=60, deadline=None)
def test_equals_the_naive_loop(
    seed: int, m: int, unaligned: int, dim: int, temperature: float
) -> None:
    words, anchors, positives = batch(seed, 2 * m + unaligned, m, dim)
    loss = contrastive_alignment_loss(words, anchors, positives, temperature)
    expected = naive_loss(words, anchors, positives, temperature)
    torch.testing.assert_close(loss.item(), expected, rtol=1e-12, atol=1e-12)


def test_two_words_that_are_a_pair_have_no_loss() -> None:
    words, anchors, positives = batch(0, 2, 1)
    assert contrastive_alignment_loss(words, anchors, positives, 0.1).item() == 0


def test_unaligned_words_count_as_negatives() -> None:
    words, anchors, positives = batch(1, 4, 1)
    alone = words[torch.cat([anchors[:1], positives[:1]])]
    pair = torch.tensor([0, 1])
    with_others = contrastive_alignment_loss(words, anchors, positives, 0.1)
    assert with_others > contrastive_alignment_loss(alone, pair, pair.flip(0), 0.1)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_keeps_float64_and_computes_halves_in_float32(
    dtype: torch.dtype, expected: torch.dtype
) -> None:
    words, anchors, positives = batch(2, 12, 4)
    low = words.to(dtype)
    loss = contrastive_alignment_loss(low, anchors, positives, 0.1)
    assert loss.dtype == expected
    assert loss.shape == ()
    exact = naive_loss(low.double(), anchors, positives, 0.1)
    assert loss.item() == pytest.approx(exact, rel=1e-5)


def test_autocast_does_not_change_it() -> None:
    words, anchors, positives = batch(3, 12, 4)
    words = words.float()
    outside = contrastive_alignment_loss(words, anchors, positives, 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = contrastive_alignment_loss(words, anchors, positives, 0.1)
    assert torch.equal(inside, outside)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradients(seed: int) -> None:
    words, anchors, positives = batch(seed, 7, 2, dim=3)
    words.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda w: contrastive_alignment_loss(w, anchors, positives, 0.5), (words,)
    )


def test_gradients_stay_finite_at_a_low_temperature_and_equal_words() -> None:
    words, anchors, positives = batch(4, 8, 3)
    words = words[:1].repeat(8, 1).float().requires_grad_()
    loss = contrastive_alignment_loss(words, anchors, positives, 1e-3)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(7), rel=1e-5)
    assert words.grad is not None
    assert words.grad.isfinite().all()


ROWS = torch.tensor([0, 1])


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan])
def test_refuses_a_temperature(temperature: float) -> None:
    with pytest.raises(ValueError, match=r"temperature must be > 0, got"):
        contrastive_alignment_loss(torch.ones(2, 3), ROWS, ROWS.flip(0), temperature)


@pytest.mark.parametrize(
    ("words", "anchors", "positives", "match"),
    [
        (torch.ones(3), ROWS, ROWS, r"words must have shape \(n, dim\) with n >= 2, got \(3,\)"),
        (torch.ones(1, 3), ROWS, ROWS, r"n >= 2, got \(1, 3\)"),
        (torch.ones(2, 3, dtype=torch.int64), ROWS, ROWS, "words must be floating point"),
        (torch.ones(2, 3), ROWS[:0], ROWS[:0], r"with m >= 1, got \(0,\)"),
        (torch.ones(2, 3), ROWS[None], ROWS[None], r"anchors must have shape \(m,\)"),
        (torch.ones(2, 3), ROWS, ROWS[:1], r"the shape of anchors, got \(1,\) and \(2,\)"),
        (torch.ones(2, 3), ROWS.int(), ROWS, "must be int64, got torch.int32 and torch.int64"),
    ],
)
def test_refuses_a_shape_or_a_dtype(
    words: Tensor, anchors: Tensor, positives: Tensor, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        contrastive_alignment_loss(words, anchors, positives, 0.1)


# Blocks


@pytest.mark.parametrize("block", [1, 3, 7, 8, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_blocks_the_loss_and_its_gradient_are_the_same(block, dtype):
    generator = torch.Generator().manual_seed(0)
    words = torch.randn(20, 6, generator=generator, dtype=dtype)
    anchors = torch.randperm(20, generator=generator)[:8]
    positives = (anchors + 1) % 20
    one, other = words.clone().requires_grad_(), words.clone().requires_grad_()
    whole = contrastive_alignment_loss(one, anchors, positives, 0.1)
    blocks = contrastive_alignment_loss(other, anchors, positives, 0.1, block=block)
    (3 * whole).backward()
    (3 * blocks).backward()
    torch.testing.assert_close(blocks, whole)
    torch.testing.assert_close(other.grad, one.grad)


def test_blocks_bound_the_memory_of_the_similarities(kept_bytes):
    words = torch.randn(256, 8, requires_grad=True)
    anchors = torch.arange(256)
    positives = anchors.roll(1)

    def kept(block: int) -> int:
        return kept_bytes(
            lambda: contrastive_alignment_loss(words, anchors, positives, 0.1, block=block)
        )

    matrix = 256 * 256 * 4
    assert kept(0) > 2 * matrix
    assert kept(16) < matrix
