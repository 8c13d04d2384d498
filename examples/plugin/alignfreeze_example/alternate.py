"""The strategy `alternate`."""

from pydantic import Field

from alignfreeze.contracts import Boundary, FreezingStrategy, ParameterSite


class AlternateFreezing(FreezingStrategy):
    """Freezes every n-th layer."""

    every: int = Field(2, ge=2, description="one layer in so many is frozen")
    offset: Boundary = Field(0, description="first layer that is frozen")

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter's layer is ``offset``, ``offset + every``, and so on."""
        if site.layer is None or site.layer < self.offset:
            return False
        return (site.layer - self.offset) % self.every == 0
