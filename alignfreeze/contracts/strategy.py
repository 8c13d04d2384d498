"""What a freezing strategy implements."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self, get_args

from pydantic import Field
from pydantic.fields import FieldInfo

from alignfreeze.contracts.plugin import Plugin


@dataclass(frozen=True)
class ParameterSite:
    """Where a parameter sits in an encoder.

    Attributes:
        name: The parameter's name relative to the encoder: ``encoder.layer.3.output.dense.bias``.
        layer: Index of its layer, from 0 at the input; ``None`` for the embeddings.
    """

    name: str
    layer: int | None


@dataclass(frozen=True)
class LayerBoundary:
    """Marks a strategy's field as an index between layers: at most the number of layers."""


Boundary = Annotated[int, Field(ge=0), LayerBoundary()]
"""A boundary between layers, in ``[0, n_layers]``; the upper end is checked against the encoder."""


def counts_layers(info: FieldInfo) -> bool:
    """Whether a field is marked with `LayerBoundary`, or one of its inner types is."""
    pending: list[object] = [*info.metadata, info.annotation]
    while pending:
        item = pending.pop()
        if isinstance(item, LayerBoundary):
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

    def resolved(self, n_layers: int) -> Self:
        """The same strategy with every hyperparameter said that the number of layers decides.

        It freezes the same in an encoder of so many layers, and is what is logged and what
        identifies a result: where a default is half of the layers, it is this number of them.
        Strategies without such a default need not implement it.

        Args:
            n_layers: How many layers the encoder has.
        """
        return self
