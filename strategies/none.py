"""The strategy `none`: full realignment."""

from alignfreeze.contracts import FreezingStrategy, ParameterSite


class NoFreezing(FreezingStrategy):
    """Full realignment: nothing is frozen."""

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Never."""
        return False
