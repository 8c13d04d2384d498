"""The strategy `revert`: realign everything, then put some layers back.

Bandarkar and Peng (2025, https://arxiv.org/abs/2505.18356) find, for language models that learn a
task in one language for another, that this often beats freezing from the start.
"""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator

from alignfreeze.contracts import Boundary, FreezingStrategy, ParameterSite
from alignfreeze.errors import ConfigError


class Reverting(FreezingStrategy):
    """Realigns everything, then puts some layers back, by default the lower half."""

    start: Boundary = Field(0, description="first layer that is put back")
    end: Boundary | None = Field(
        None, description="first layer above them that is not [half of the layers, or all]"
    )
    embeddings: bool = Field(False, description="put the embeddings back too")

    @field_validator("end")
    @classmethod
    def _beyond_start(cls, end: int | None, info: ValidationInfo) -> int | None:
        start = info.data.get("start")
        if end is not None and start is not None and end <= start:
            raise ValueError(f"must be > start, which is {start}")
        return end

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Never."""
        return False

    def restores(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter's layer is in ``[start, end)``."""
        if site.layer is None:
            return self.embeddings
        return self.start <= site.layer < self._end(n_layers)

    def resolved(self, n_layers: int) -> Self:
        """With the end that the default comes to.

        Raises:
            ConfigError: If there is no layer to put back.
        """
        if self.start >= n_layers:
            raise ConfigError(
                f"start must be < {n_layers}, the encoder's layers, for something to be put back, "
                f"got {self.start}"
            )
        return self.model_copy(update={"end": self._end(n_layers)})

    def _end(self, n_layers: int) -> int:
        if self.end is not None:
            return self.end
        half = n_layers // 2
        return half if self.start < half else n_layers
