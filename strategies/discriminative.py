"""The strategy `discriminative`: layers learn the slower the farther down, or up, they are.

The discriminative fine-tuning of ULMFiT (Howard and Ruder 2018, https://aclanthology.org/P18-1031),
with the factor that Sun et al. (2019, https://arxiv.org/abs/1905.05583) found best for BERT.
"""

from typing import Literal

from pydantic import Field

from alignfreeze.contracts import FreezingStrategy, ParameterSite


class DiscriminativeRates(FreezingStrategy):
    """Freezes nothing, and lets the learning rate fall by a factor a layer.

    The embeddings count as one more layer at the bottom.
    """

    factor: float = Field(
        0.95, ge=0.1, le=1, description="each layer's rate, as a part of that of the one before"
    )
    order: Literal["top", "bottom"] = Field(
        "top", description="the end of the encoder that has the whole rate"
    )

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Never."""
        return False

    def rate(self, site: ParameterSite, n_layers: int, progress: float) -> float:
        """The factor to the power of the layers between the parameter's and that end."""
        from_bottom = 0 if site.layer is None else site.layer + 1
        away = n_layers - from_bottom if self.order == "top" else from_bottom
        return self.factor**away
