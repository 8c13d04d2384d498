"""What a freezing strategy implements."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field
from pydantic.fields import FieldInfo

from alignfreeze.contracts.plugin import Plugin

Part = Literal["embeddings", "attention", "feed-forward", "norm"]
"""What a parameter is a part of; a norm is one wherever it stands."""

Projection = Literal["query", "key", "value", "query-key-value", "output", "up", "down"]
"""What a matrix of a layer projects: of attention to its output, of the feed-forward part up to its
inner width and down again; some families keep the first three of attention in one."""


@dataclass(frozen=True)
class ParameterSite:
    """Where a parameter sits in an encoder, and what it is.

    Attributes:
        name: The parameter's name relative to the encoder: ``encoder.layer.3.output.dense.bias``.
        layer: Index of its layer, from 0 at the input; ``None`` for the embeddings.
        part: What it is a part of; ``None`` where that is not known of the encoder's family.
        projection: What it, or the matrix whose bias it is, projects; ``None`` if nothing, or where
            that is not known.
    """

    name: str
    layer: int | None
    part: Part | None = None
    projection: Projection | None = None

    @property
    def is_bias(self) -> bool:
        """Whether it is added to what a module computes, that of a norm too."""
        return self.name.rpartition(".")[2] in ("bias", "beta")


@dataclass(frozen=True)
class LowRank:
    """How a frozen matrix is trained by an update of low rank, which is added to it in the end.

    The matrix ``W``, of shape (out, in), becomes ``W + alpha / rank * B @ A`` with ``B`` of shape
    (out, rank), 0 at first, and ``A`` of shape (rank, in), random (LoRA, Hu et al. 2022,
    https://arxiv.org/abs/2106.09685).
    """

    rank: int
    alpha: int


@dataclass(frozen=True)
class LayerCount:
    """Marks a strategy's field as a number of layers: at most those that there are."""


@dataclass(frozen=True)
class LayerBoundary(LayerCount):
    """Marks it as a place between layers, by which a search draws scores."""


Boundary = Annotated[int, Field(ge=0), LayerBoundary()]
"""A boundary between layers, in ``[0, n_layers]``; the upper end is checked against the encoder."""


def counts_layers(info: FieldInfo, kind: type[LayerCount] = LayerCount) -> bool:
    """Whether a field is marked with `LayerCount`, or another kind of it, or an inner type is."""
    pending: list[object] = [*info.metadata, info.annotation]
    while pending:
        item = pending.pop()
        if isinstance(item, kind):
            return True
        pending += [*get_args(item), *getattr(item, "__metadata__", ())]
    return False


class FreezingStrategy(Plugin):
    """Says which of an encoder's parameters stay as they are during realignment.

    A strategy is a frozen pydantic model. Its fields are its hyperparameters: their bounds
    validate them and are the space that a search explores. Annotate a field that counts
    layers with `Boundary`, and it is checked against the encoder too.
    """

    realigns: ClassVar[bool] = True
    """False for a strategy that stands for fine-tuning without any realignment."""

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether one parameter is frozen while realigning.

        Args:
            site: The parameter.
            n_layers: How many layers the encoder has.
        """
        raise NotImplementedError

    def rate(self, site: ParameterSite, n_layers: int, progress: float) -> float:
        """The factor in ``[0, 1]`` that the learning rate of one parameter has while realigning.

        One whose factor is 0 is frozen as long as it is. It must be 0 for what is frozen anyhow.

        Args:
            site: The parameter.
            n_layers: How many layers the encoder has.
            progress: The part of the steps that are done, in ``[0, 1)``, in whole hundredths.
        """
        return 0.0 if self.freezes(site, n_layers) else 1.0

    def restores(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether one parameter is put back, after realignment, to what it was before.

        Args:
            site: The parameter.
            n_layers: How many layers the encoder has.
        """
        return False

    def low_rank(self, site: ParameterSite, n_layers: int) -> LowRank | None:
        """By which update of low rank one frozen parameter is trained; ``None``: by none.

        Args:
            site: The parameter; only the matrix of a linear layer can be.
            n_layers: How many layers the encoder has.
        """
        return None

    def resolved(self, n_layers: int) -> Self:
        """The same strategy with every hyperparameter said that the number of layers decides.

        It freezes the same in an encoder of so many layers, and is what is logged and what
        identifies a result: where a default is half of the layers, it is this number of them.
        Strategies without such a default need not implement it.

        Args:
            n_layers: How many layers the encoder has.
        """
        return self
