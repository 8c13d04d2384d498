"""The strategy `back`: keep the upper layers."""

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
        boundary = n_layers // 2 if self.boundary is None else self.boundary
        return site.layer >= boundary
