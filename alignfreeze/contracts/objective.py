"""What an objective of realignment implements."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from alignfreeze.contracts.plugin import Plugin

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WordBatch:
    """What an objective is given: the words of a batch of sentence pairs, and their links.

    The words are those of all sentences that were not cut off, aligned or not, in any order. For an
    objective whose `Objective.unit` is the sentence, each stands for a whole sentence, linked with
    its translation. With ``gather=true`` the batch is that of all processes.

    Attributes:
        words: What the encoder, and the projection head on it if the objective `projects`, make of
            them; of shape (n, dim), in float32 at least.
        anchors: Rows of the linked words of both sides, int64 of shape (m,).
        positives: Row of each anchor's translation, of shape (m,).
        sentences: The sentence that each word is of, int64 of shape (n,): ``[0, n_pairs)`` are
            those of the source language, ``[n_pairs, 2 * n_pairs)`` their translations.
        n_pairs: How many sentence pairs there are.
        temperature: The run's.
        block: Rows of a table of similarities that are to be in memory at a time; 0: all.
        pretrained: What the encoder made of the words before realignment, of the shape of
            ``words``; ``None`` unless the objective says that it `needs_pretrained`.
    """

    words: "Tensor"
    anchors: "Tensor"
    positives: "Tensor"
    sentences: "Tensor"
    n_pairs: int
    temperature: float
    block: int = 0
    pretrained: "Tensor | None" = None

    @property
    def pairs(self) -> "Tensor":
        """The sentence pair that each word is of, in ``[0, n_pairs)``, of shape (n,)."""
        return self.sentences % self.n_pairs

    @property
    def in_target(self) -> "Tensor":
        """Whether each word is of a target sentence, bool of shape (n,)."""
        return self.sentences >= self.n_pairs


class Objective(Plugin):
    """What realignment minimises.

    An objective is a frozen pydantic model whose fields are its hyperparameters: their bounds
    validate them and are the space that a search explores. The temperature is the run's.
    """

    needs_links: ClassVar[bool] = True
    """False for one that takes sentences as they are: then no words are aligned, and none read."""

    unit: ClassVar[Literal["word", "sentence"]] = "word"
    """What the rows of a batch stand for: a word, by its first subword that carries text; or a
    sentence, by the mean over all its subwords, which needs no links between words."""

    projects: ClassVar[bool] = True
    """Whether it is computed behind a projection head, which is thrown away afterwards."""

    reads_temperature: ClassVar[bool] = False
    """Whether its loss depends on the temperature, which a search varies for such ones alone."""

    @property
    def needs_pretrained(self) -> bool:
        """Whether it compares with what the encoder was before; then `projects` must be False.

        Each batch is run through a frozen copy of that encoder too.
        """
        return False

    def terms(self, n_links: int, n_pairs: int) -> int:
        """How many terms its loss over a batch is the mean of; with none, nothing is learnt.

        Several batches, or processes, make one step; there each term counts alike.

        Args:
            n_links: How many links the batch has; of sentences, each pair has one.
            n_pairs: How many sentence pairs.
        """
        return 2 * n_links

    def loss(self, batch: WordBatch) -> "Tensor":
        """The mean of the terms, at least one: a scalar, in float32 at least.

        Args:
            batch: The words, on the device; autocast is off.
        """
        raise NotImplementedError
