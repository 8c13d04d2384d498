"""The objective `distance`: words where their translations are, and the source where it was."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from alignfreeze.contracts import Objective, WordBatch

if TYPE_CHECKING:
    from torch import Tensor


class Distance(Objective):
    """Pulls each aligned word to its translation, and source words to where they were before.

    The loss of Cao et al., 2020, https://arxiv.org/abs/2002.03518: with ``f`` the encoder, ``f0``
    what it was before realignment, ``d`` its hidden units, ``A`` the links and ``S`` all words of
    the source sentences,

        L = 1/(d |A|) * ( sum over (s, t) in A of |f(s) - f(t)|^2
                          + pull * sum over s in S of |f(s) - f0(s)|^2 )

    Their sums are the same; 1/|A| makes steps of different batches comparable, and 1/d, which is
    in their code, encoders of different widths, and the loss with that of a task. There is no
    projection head: behind one all vectors could come to be the same without any being moved. Since
    nothing keeps words apart but the second sum, the encoder makes all words alike where ``pull``
    is small. It keeps the source language, English in the paper, in its place, and the target
    languages come to it.

    Attributes:
        pull: Weight of the second sum. The paper's is 1. With 0 there is no other encoder to run.
    """

    projects: ClassVar[bool] = False

    pull: float = Field(default=1.0, ge=0, le=10)

    @property
    def needs_pretrained(self) -> bool:
        """Whether there is anything to pull to it."""
        return self.pull > 0

    def terms(self, n_links: int, n_pairs: int) -> int:
        """A term for each link, whichever way it is read."""
        return n_links

    def loss(self, batch: WordBatch) -> "Tensor":
        """The formula of the class."""
        pulled = batch.words[batch.anchors] - batch.words[batch.positives]
        total = pulled.square().sum() / 2  # each link is there in both directions
        if batch.pretrained is not None:
            moved = (batch.words - batch.pretrained) * ~batch.in_target[:, None]
            total = total + self.pull * moved.square().sum()
        return total / (len(batch.anchors) / 2 * batch.words.shape[1])
