"""The strategy `gradual`: unfreeze in stages.

The gradual unfreezing of ULMFiT (Howard and Ruder 2018, https://aclanthology.org/P18-1031), by
stages of equal length in place of epochs.
"""

from typing import Annotated, Literal, Self

from pydantic import Field

from alignfreeze.contracts import FreezingStrategy, LayerCount, ParameterSite

STAGES = 4
"""By default, where there are as many layers."""


class GradualUnfreezing(FreezingStrategy):
    """Freezes all but the top layers at first, and unfreezes the others in stages over the steps.

    The embeddings count as one more layer at the bottom. Stages are of equal length, and unfreeze
    as many layers each, to within one.
    """

    stages: Annotated[int, Field(ge=1), LayerCount()] | None = Field(
        None, description="stages, in the last of which all is trained [4, or a layer each]"
    )
    order: Literal["top", "bottom"] = Field(
        "top", description="the end of the encoder that is unfrozen first"
    )

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Never from the first step to the last."""
        return False

    def rate(self, site: ParameterSite, n_layers: int, progress: float) -> float:
        """1 from the stage on that unfreezes the parameter's layer, 0 before."""
        from_bottom = 0 if site.layer is None else site.layer + 1
        place = n_layers - from_bottom if self.order == "top" else from_bottom
        stages = self._stages(n_layers)
        stage = place * stages // (n_layers + 1)
        return float(progress >= stage / stages)

    def resolved(self, n_layers: int) -> Self:
        """With the number of stages that the default comes to."""
        return self.model_copy(update={"stages": self._stages(n_layers)})

    def _stages(self, n_layers: int) -> int:
        return min(STAGES, n_layers) if self.stages is None else self.stages
