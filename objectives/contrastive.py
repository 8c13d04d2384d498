"""The objective `contrastive`: each word nearer to its translation than to any other word."""

from typing import TYPE_CHECKING, ClassVar, Literal

from alignfreeze.contracts import Objective, WordBatch

if TYPE_CHECKING:
    from torch import Tensor

Negatives = Literal["strong", "target", "weak"]


class Contrastive(Objective):
    """Pulls each aligned word to its translation, and away from every other word.

    What a word is told from decides what alignment means. *Strong*: its translation is nearer than
    all other words, of whichever language; *weak*: nearer than those of the other language (Roy et
    al., 2020, https://arxiv.org/abs/2004.05484). As losses both are of Wu and Dredze, 2020,
    https://arxiv.org/abs/2010.02537, who compare aligned words alone; Gaschi et al., 2023,
    https://arxiv.org/abs/2306.02790, compare all words of the batch.

    Attributes:
        negatives: ``strong``: all other words of the batch, of both sides, aligned or not.
            ``target``: all words of the other side, aligned or not; other words of its own side
            have no part in a word's loss. ``weak``: of those the aligned ones alone.
        stop_gradient: ``source``: vectors of the source side are constants, so that the target
            languages are pulled to where the source language is. ``none``: both sides move.
    """

    reads_temperature: ClassVar[bool] = True

    negatives: Negatives = "strong"
    stop_gradient: Literal["none", "source"] = "none"

    def loss(self, batch: WordBatch) -> "Tensor":
        """As `contrastive_alignment_loss`."""
        import torch

        from alignfreeze.contracts.contrastive import contrastive_alignment_loss

        words, sides = batch.words, None
        if self.stop_gradient == "source":
            words = torch.where(batch.in_target[:, None], words, words.detach())
        if self.negatives == "target":
            sides = batch.in_target.long()
        if self.negatives == "weak":
            linked = torch.zeros_like(batch.in_target).index_fill(0, batch.anchors, True)
            sides = torch.where(linked, batch.in_target.long(), 2)
        return contrastive_alignment_loss(
            words,
            batch.anchors,
            batch.positives,
            batch.temperature,
            sides=sides,
            block=batch.block,
        )
