import math

import pytest
import torch
from torch import Tensor

from alignfreeze.contracts import Objective, WordBatch
from alignfreeze.contracts.contrastive import contrastive_alignment_loss
from alignfreeze.testing import ObjectiveContract, word_batch
from alignfreeze_objectives.contrastive import Contrastive

NEGATIVES = ("strong", "target", "weak")


class TestContrastive(ObjectiveContract):
    def instances(self) -> list[Objective]:
        return [
            *(Contrastive(negatives=negatives) for negatives in NEGATIVES),
            Contrastive(negatives="weak", stop_gradient="source"),
        ]


def cosine(one: Tensor, other: Tensor) -> float:
    a, b = one.tolist(), other.tolist()
    return sum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def candidates(batch: WordBatch, anchor: int, negatives: str) -> list[int]:
    """What a word is told from, its translation among it."""
    sides, n = batch.in_target.tolist(), len(batch.words)
    if negatives == "strong":
        return [k for k in range(n) if k != anchor]
    other = [k for k in range(n) if sides[k] != sides[anchor]]
    return [k for k in other if negatives == "target" or k in batch.anchors.tolist()]


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_naive_loop(negatives: str, seed: int) -> None:
    objective = Contrastive(negatives=negatives)
    batch = word_batch(objective, seed)
    losses = []
    for anchor, positive in zip(batch.anchors.tolist(), batch.positives.tolist(), strict=True):
        told_from = candidates(batch, anchor, negatives)
        assert positive in told_from
        near = {k: math.exp(cosine(batch.words[anchor], batch.words[k]) / 0.5) for k in told_from}
        losses.append(-math.log(near[positive] / sum(near.values())))
    expected = sum(losses) / len(losses)
    assert objective.loss(batch).item() == pytest.approx(expected, rel=1e-12)


def test_by_default_it_is_the_plain_loss_to_the_bit() -> None:
    batch = word_batch(Contrastive())
    links = batch.anchors, batch.positives
    expected = contrastive_alignment_loss(batch.words, *links, batch.temperature)
    assert torch.equal(Contrastive().loss(batch), expected)


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_the_source_is_a_constant_where_no_gradient_goes_into_it(negatives: str) -> None:
    batch = word_batch(Contrastive())
    found = {}
    for stop in ("none", "source"):
        words = batch.words.clone().requires_grad_()
        given = WordBatch(**{**vars(batch), "words": words})
        loss = Contrastive(negatives=negatives, stop_gradient=stop).loss(given)
        loss.backward()
        found[stop] = loss.item(), words.grad
    (loss, both), (same, one) = found["none"], found["source"]
    assert loss == same
    assert not one[~batch.in_target].any()
    assert both[~batch.in_target].any()
    torch.testing.assert_close(one[batch.in_target], both[batch.in_target])
