"""The strategy `baseline`: fine-tuning without realignment."""

from typing import ClassVar

from alignfreeze.contracts import FreezingStrategy, ParameterSite


class Baseline(FreezingStrategy):
    """No realignment: fine-tuning only."""

    realigns: ClassVar[bool] = False

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Never: there is no realignment to freeze anything in."""
        return False
