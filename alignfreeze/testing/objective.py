"""What every objective of realignment must do."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from alignfreeze.contracts import Objective, WordBatch
from alignfreeze.testing.plugin import PluginContract

SEEDS = (0, 1)


def word_batch(objective: Objective, seed: int = 0, *, n_pairs: int = 3, dim: int = 4) -> WordBatch:
    """A batch of random words, in float64, of the kind that an objective reads.

    Args:
        objective: Says whether words are linked, or sentences, and what else is wanted.
        seed: Of the numbers.
        n_pairs: Sentence pairs; of words each side of a pair has three, the first two linked.
        dim: Length of the vectors.
    """
    generator = torch.Generator().manual_seed(seed)
    each = 1 if objective.unit == "sentence" else 3
    rows = torch.arange(n_pairs * each)
    linked = rows[rows % 3 < 2] if objective.needs_links else rows[: len(rows) * (each == 1)]
    shape = 2 * len(rows), dim
    words = torch.randn(shape, generator=generator, dtype=torch.float64)
    before = torch.randn(shape, generator=generator, dtype=torch.float64)
    return WordBatch(
        words,
        anchors=torch.cat([linked, linked + len(rows)]),
        positives=torch.cat([linked + len(rows), linked]),
        sentences=torch.arange(2 * n_pairs).repeat_interleave(each),
        n_pairs=n_pairs,
        temperature=0.5,
        pretrained=before if objective.needs_pretrained else None,
    )


class ObjectiveContract(PluginContract[Objective]):
    """Contract tests of an objective of realignment, run by pytest.

    Subclass it, call the subclass ``Test...``, and say which instances to test:

        class TestMyObjective(ObjectiveContract):
            def instances(self):
                return [MyObjective(), MyObjective(margin=0.5)]
    """

    kind = Objective

    tolerance: ClassVar[float] = 1e-6
    """How far losses may be apart that are the same but for the order of sums, in float64."""

    def test_sentences_need_no_links(self) -> None:
        """Whole sentences are linked by their places."""
        for objective in self._instances():
            assert objective.unit in ("word", "sentence"), f"{objective!r}: unit {objective.unit}"
            words = objective.unit == "word"
            assert words or not objective.needs_links, f"{objective!r}: needs_links must be False"

    def test_what_is_compared_with_the_encoder_before_is_not_projected(self) -> None:
        """A head is new: there is none that the encoder had before."""
        for objective in self._instances():
            ok = not (objective.projects and objective.needs_pretrained)
            assert ok, f"{objective!r} needs_pretrained: projects must be False"

    def test_temperature_matters_if_it_is_read(self) -> None:
        """A search varies it for the objectives that read it, and for no other."""
        for objective, batch in self._cases():
            other = objective.loss(replace(batch, temperature=2 * batch.temperature))
            changes = not torch.equal(other, objective.loss(batch))
            case = f"{objective!r}: reads_temperature must be {changes}"
            assert objective.reads_temperature == changes, case

    def test_terms_are_counts(self) -> None:
        """More links and pairs make no fewer terms; without any there is none."""
        for objective in self._instances():
            counts = [objective.terms(2 * n, n) for n in range(4)]
            case = f"{objective!r}.terms of 0 to 6 links, 0 to 3 pairs: {counts}"
            assert counts[0] == 0, case
            assert counts == sorted(counts), case
            assert counts[3] > 0, case

    def test_loss_is_a_scalar(self) -> None:
        """A finite number, in the precision of the words."""
        for objective, batch in self._cases():
            for dtype in (torch.float32, torch.float64):
                loss = objective.loss(_in(batch, dtype))
                case = f"{objective!r}.loss in {dtype}"
                assert loss.shape == (), f"{case} has shape {tuple(loss.shape)}"
                assert loss.dtype == dtype, f"{case} is {loss.dtype}"
                assert loss.isfinite(), f"{case} is {loss.item()}"

    def test_loss_is_the_same_again(self) -> None:
        """To the bit, or an interrupted run would not go on as it was."""
        for objective, batch in self._cases():
            same = torch.equal(objective.loss(batch), objective.loss(batch))
            assert same, f"{objective!r}.loss changes when it is asked for again"

    def test_order_of_words_is_of_no_matter(self) -> None:
        """Words come in any order, and so do links."""
        for objective, batch in self._cases():
            other = objective.loss(_shuffled(batch))
            self._near(other, objective.loss(batch), f"{objective!r} with words in another order")

    def test_blocks_give_the_same(self) -> None:
        """Whatever ``block`` says, loss and gradient are the same but for the order of sums."""
        for objective, batch in self._cases():
            loss, gradient = _gradient(objective, batch)
            for block in (1, 4, 100):
                in_blocks, other = _gradient(objective, replace(batch, block=block))
                self._near(in_blocks, loss, f"{objective!r} with block={block}")
                self._near(other, gradient, f"gradient of {objective!r} with block={block}")

    def test_gradient_is_that_of_finite_differences(self) -> None:
        """Of the words that are no constants for it; there is at least one."""
        for objective, batch in self._cases():
            _, gradient = _gradient(objective, batch)
            assert gradient.isfinite().all(), f"{objective!r}: a gradient that is no number"
            rows = gradient.abs().sum(dim=1).nonzero().flatten()
            assert len(rows), f"{objective!r}: no word has a gradient"

            def loss(own: Tensor) -> Tensor:
                words = batch.words.index_copy(0, rows, own)  # noqa: B023
                return objective.loss(replace(batch, words=words))  # noqa: B023

            own = batch.words[rows].requires_grad_()
            assert torch.autograd.gradcheck(loss, (own,)), f"{objective!r}: gradient"

    def test_equal_words_have_a_gradient(self) -> None:
        """Where all words are the same, as in a collapse, gradients are finite."""
        for objective, batch in self._cases():
            same = batch.words[:1].expand_as(batch.words).clone()
            loss, gradient = _gradient(objective, replace(batch, words=same))
            assert loss.isfinite(), f"{objective!r}.loss of equal words is {loss.item()}"
            assert gradient.isfinite().all(), f"{objective!r}: gradient of equal words"

    def _near(self, one: Tensor, other: Tensor, case: str) -> None:
        difference = float((one - other).abs().max())
        assert difference <= self.tolerance, f"{case}: {difference:.2g} apart"

    def _cases(self) -> Iterator[tuple[Objective, WordBatch]]:
        for objective in self._instances():
            for seed in SEEDS:
                yield objective, word_batch(objective, seed)


def _gradient(objective: Objective, batch: WordBatch) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient by the words, of shape (n, dim)."""
    words = batch.words.clone().requires_grad_()
    loss = objective.loss(replace(batch, words=words))
    loss.backward()
    assert words.grad is not None, f"{objective!r}.loss does not depend on the words"
    return loss.detach(), words.grad


def _in(batch: WordBatch, dtype: torch.dtype) -> WordBatch:
    before = batch.pretrained
    words = batch.words.to(dtype)
    return replace(batch, words=words, pretrained=None if before is None else before.to(dtype))


def _shuffled(batch: WordBatch) -> WordBatch:
    """The same words and links, in another order."""
    generator = torch.Generator().manual_seed(5)
    order = torch.randperm(len(batch.words), generator=generator)
    links = torch.randperm(len(batch.anchors), generator=generator)
    places = torch.empty_like(order).scatter(0, order, torch.arange(len(order)))
    return replace(
        batch,
        words=batch.words[order],
        anchors=places[batch.anchors[links]],
        positives=places[batch.positives[links]],
        sentences=batch.sentences[order],
        pretrained=None if batch.pretrained is None else batch.pretrained[order],
    )
