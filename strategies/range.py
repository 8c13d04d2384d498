"""The strategy `range`: keep any run of layers."""

from pydantic import Field, ValidationInfo, field_validator

from alignfreeze.contracts import Boundary, FreezingStrategy, ParameterSite


class RangeFreezing(FreezingStrategy):
    """Freezes the layers from a start up to, and without, an end."""

    start: Boundary = Field(description="first layer that is frozen")
    end: Boundary = Field(description="first layer above them that is not")
    embeddings: bool = Field(False, description="freeze the embeddings too")

    @field_validator("end")
    @classmethod
    def _not_before_start(cls, end: int, info: ValidationInfo) -> int:
        start = info.data.get("start")
        if start is not None and end < start:
            raise ValueError(f"must be >= start, which is {start}")
        return end

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter's layer is in ``[start, end)``."""
        if site.layer is None:
            return self.embeddings
        return self.start <= site.layer < self.end
