"""The strategy `front`: keep the lower layers."""

from pydantic import Field

from alignfreeze.contracts import Boundary, FreezingStrategy, ParameterSite


class FrontFreezing(FreezingStrategy):
    """Freezes the layers below a boundary, by default the lower half."""

    boundary: Boundary | None = Field(
        None, description="first layer that is not frozen [half of the layers]"
    )
    embeddings: bool = Field(False, description="freeze the embeddings too")

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter's layer is in ``[0, boundary)``."""
        if site.layer is None:
            return self.embeddings
        boundary = n_layers // 2 if self.boundary is None else self.boundary
        return site.layer < boundary
