"""The objective `sentence`: each sentence nearer to its translation than to any other."""

from typing import TYPE_CHECKING, ClassVar, Literal

from alignfreeze.contracts import Objective, WordBatch

if TYPE_CHECKING:
    from torch import Tensor


class Sentence(Objective):
    """Pulls each sentence to its translation, and away from others; no word is aligned for it.

    A sentence is the mean over the states of all its subwords, special tokens included, as in
    Sentence-BERT (Reimers and Gurevych, 2019, https://arxiv.org/abs/1908.10084), and the loss is
    InfoNCE (van den Oord et al., 2018, https://arxiv.org/abs/1807.03748) in both directions: with
    ``S`` the sentences of the batch, ``A(s)`` the translation of ``s``, ``N(s)`` what it is told
    from, ``sim`` the cosine and ``T`` the temperature,

        L = 1/|S| * sum over s in S of
            -log( exp(sim(s, A(s)) / T) / sum over s' in N(s) of exp(sim(s, s') / T) )

    Attributes:
        negatives: ``target``: ``N(s)`` are the sentences of the other side, as where translations
            are mined (Feng et al., 2022, https://arxiv.org/abs/2007.01852). ``strong``: all
            sentences of both sides but ``s``.
    """

    needs_links: ClassVar[bool] = False
    unit: ClassVar[Literal["word", "sentence"]] = "sentence"
    reads_temperature: ClassVar[bool] = True

    negatives: Literal["target", "strong"] = "target"

    def loss(self, batch: WordBatch) -> "Tensor":
        """The formula of the class."""
        from alignfreeze.contracts.contrastive import contrastive_alignment_loss

        return contrastive_alignment_loss(
            batch.words,
            batch.anchors,
            batch.positives,
            batch.temperature,
            sides=batch.in_target.long() if self.negatives == "target" else None,
            block=batch.block,
        )
