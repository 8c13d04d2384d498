"""The strategy `layers`."""

from typing import Annotated, Self

from pydantic import Field

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.errors import ConfigError

Layer = Annotated[int, Field(ge=0)]


class LayerFreezing(FreezingStrategy):
    """Freezes the layers that are named: ``layers=0+2``."""

    layers: frozenset[Layer] = Field(min_length=1, description="layers that are frozen, from 0")

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter's layer is one of them."""
        return site.layer in self.layers

    def resolved(self, n_layers: int) -> Self:
        """The same, if the encoder has these layers.

        Raises:
            ConfigError: If it has fewer.
        """
        if max(self.layers) >= n_layers:
            rule = f"layers must be below {n_layers}, the encoder's layers"
            raise ConfigError(f"{rule}, got {max(self.layers)}")
        return self
