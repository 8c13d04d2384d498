"""The strategy `lora`: updates of low rank.

LoRA (Hu et al. 2022, https://arxiv.org/abs/2106.09685), which by default updates what makes queries
and values, as they do.
"""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator

from alignfreeze.contracts import Boundary, FreezingStrategy, LowRank, ParameterSite, Projection


class LowRankUpdates(FreezingStrategy):
    """Freezes everything, and trains updates of low rank of some matrices, added in the end.

    It needs peft: ``pip install 'alignfreeze[lora]'``.
    """

    rank: int = Field(8, ge=1, le=64, description="rank of the updates")
    alpha: int = Field(16, ge=1, description="an update counts alpha / rank times")
    start: Boundary = Field(0, description="first layer that is updated")
    end: Boundary | None = Field(
        None, description="first layer above them that is not [all layers]"
    )
    projections: tuple[Projection, ...] = Field(
        ("query", "value"),
        min_length=1,
        description="which matrices: query, key, value, output, up, down, with + between them",
    )

    @field_validator("end")
    @classmethod
    def _beyond_start(cls, end: int | None, info: ValidationInfo) -> int | None:
        start = info.data.get("start")
        if end is not None and start is not None and end <= start:
            raise ValueError(f"must be > start, which is {start}")
        return end

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Always."""
        return True

    def low_rank(self, site: ParameterSite, n_layers: int) -> LowRank | None:
        """An update of each chosen matrix of the layers ``[start, end)``."""
        if site.layer is None or not self.start <= site.layer < self._end(n_layers):
            return None
        if site.is_bias or not self._chosen(site.projection):
            return None
        return LowRank(self.rank, self.alpha)

    def resolved(self, n_layers: int) -> Self:
        """With the end that the default comes to."""
        return self.model_copy(update={"end": self._end(n_layers)})

    def _end(self, n_layers: int) -> int:
        return n_layers if self.end is None else self.end

    def _chosen(self, projection: Projection | None) -> bool:
        """Whether a matrix, or a part of one that makes several things, is among the chosen."""
        parts = (projection or "").split("-")
        return projection in self.projections or bool({*parts} & {*self.projections})
