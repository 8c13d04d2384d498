"""The objective `uniformity`."""

from typing import TYPE_CHECKING

from pydantic import Field

from alignfreeze.contracts import Objective, WordBatch

if TYPE_CHECKING:
    from torch import Tensor


class UniformityObjective(Objective):
    """Pulls each aligned word to its translation, and spreads all words over the sphere.

    Alignment and uniformity of Wang and Isola, 2020, https://arxiv.org/abs/2005.10242: with ``x``
    the words of a batch at length 1, and ``A`` its links,

        L = mean over (x, y) in A of |x - y|^2
            + weight * log( mean over all x != x' of exp(-2 |x - x'|^2) )
    """

    weight: float = Field(1.0, ge=0, description="of the second part; without it, words collapse")

    def loss(self, batch: WordBatch) -> "Tensor":
        """The formula of the class."""
        import torch
        from torch.nn import functional

        words = functional.normalize(batch.words, dim=-1)
        apart = (words[batch.anchors] - words[batch.positives]).square().sum(dim=-1)
        similar = -2 * (2 - 2 * words @ words.T)  # of words of length 1
        others = ~torch.eye(len(words), dtype=torch.bool, device=words.device)
        spread = similar[others].exp().mean().log()
        return apart.mean() + self.weight * spread
