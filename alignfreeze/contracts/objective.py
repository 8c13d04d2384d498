"""What an objective of realignment implements."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alignfreeze.contracts.plugin import Plugin

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WordBatch:
    """What an objective is given: the words of a batch of sentence pairs, and their links.

    The words are those of all sentences that were not cut off, aligned or not; those of the source
    sentences come first, then those of the target sentences, each in the order of the pairs.

    Attributes:
        words: What the encoder, and the projection head on it, make of them, of shape (n, dim).
        anchors: Rows of the aligned words of both sides, int64 of shape (m,).
        positives: Row of each anchor's translation, of shape (m,).
        pairs: The sentence pair that each word is of, int64 in ``[0, n_pairs)``, of shape (n,).
        in_target: Whether each is of the target sentence, bool of shape (n,).
        n_pairs: How many sentence pairs there are.
        temperature: The run's.
        block: Rows of a table of similarities that are to be in memory at a time; 0: all.
        states: What the encoder makes of them, without a head, of shape (n, hidden).
        pretrained: What it made of them before realignment, of the same shape; ``None`` unless the
            objective has `Objective.needs_pretrained`.
    """

    words: "Tensor"
    anchors: "Tensor"
    positives: "Tensor"
    pairs: "Tensor"
    in_target: "Tensor"
    n_pairs: int
    temperature: float
    block: int = 0
    states: "Tensor | None" = None
    pretrained: "Tensor | None" = None


class Objective(Plugin):
    """What realignment minimises.

    An objective is a frozen pydantic model whose fields are its hyperparameters: their bounds
    validate them and are the space that a search explores.
    """

    needs_links: ClassVar[bool] = True
    """False for one that takes sentences as they are: then no words are aligned, and none read."""

    needs_pretrained: ClassVar[bool] = False
    """Whether it compares with what the encoder was before: each batch is run through that too."""

    def terms(self, n_links: int, n_pairs: int) -> int:
        """How many terms its loss over a batch is the mean of; with none, nothing is learnt.

        Several batches, or processes, make one step; there each term counts alike.

        Args:
            n_links: How many links the batch has.
            n_pairs: How many sentence pairs.
        """
        return 2 * n_links

    def loss(self, batch: WordBatch) -> "Tensor":
        """The mean of the terms, at least one: a scalar, in float32 at least.

        Args:
            batch: The words, on the device; autocast is off.
        """
        raise NotImplementedError
