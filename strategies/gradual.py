"""The strategy `gradual`: unfreeze in stages.

The gradual unfreezing of ULMFiT (Howard and Ruder 2018, https://aclanthology.org/P18-1031), by
stages of equal length in place of epochs.
"""

from typing import Annotated, Literal

from pydantic import Field

from alignfreeze.contracts import FreezingStrategy, LayerBoundary, ParameterSite


class GradualUnfreezing(FreezingStrategy):
    """Freezes all but the top layers at first, and unfreezes the others in stages over the steps.

    The embeddings count as one more layer at the bottom. Stages are of equal length, and unfreeze
    as many layers each, to within one.
    """

    stages: Annotated[int, Field(ge=2), LayerBoundary()] = Field(
        2, description="stages, the first with the first layers alone, the last with all"
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
        stage = place * self.stages // (n_layers + 1)
        return float(progress >= stage / self.stages)
