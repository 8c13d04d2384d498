"""The objective `contrastive`: each word nearer to its translation than to any other word."""

from typing import TYPE_CHECKING

from alignfreeze.contracts import Objective, WordBatch

if TYPE_CHECKING:
    from torch import Tensor


class Contrastive(Objective):
    """Pulls each aligned word to its translation, and away from every other word."""

    def loss(self, batch: WordBatch) -> "Tensor":
        """As `contrastive_alignment_loss`."""
        from alignfreeze.contracts.contrastive import contrastive_alignment_loss

        links = batch.anchors, batch.positives
        return contrastive_alignment_loss(batch.words, *links, batch.temperature, block=batch.block)
