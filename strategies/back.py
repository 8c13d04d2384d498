"""The strategy `back`: keep the upper layers."""

from typing import Self

from pydantic import Field

from alignfreeze.contracts import Boundary, FreezingStrategy, ParameterSite


class BackFreezing(FreezingStrategy):
    """Freezes the layers from a boundary on, by default the upper half."""

    boundary: Boundary | None = Field(
        None, description="first layer that is frozen [half of the layers]"
    )
    embeddings: bool = Field(False, description="freeze the embeddings too")

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter's layer is in ``[boundary, n_layers)``."""
        if site.layer is None:
            return self.embeddings
        return site.layer >= self._boundary(n_layers)

    def resolved(self, n_layers: int) -> Self:
        """With the boundary that the default comes to."""
        return self.model_copy(update={"boundary": self._boundary(n_layers)})

    def _boundary(self, n_layers: int) -> int:
        return n_layers // 2 if self.boundary is None else self.boundary
