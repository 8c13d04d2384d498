"""How fast each parameter is trained, and when it is frozen: the groups of an optimizer."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from torch import nn

from alignfreeze.encoders.rates import AS_IT_IS, Rates, factor_at


class Pacing:
    """Parameters in groups that have the same factors of the learning rate.

    Args:
        parameters: All that are trained.
        rates: The factors of those that have some; the others have the whole learning rate.
        steps: Optimizer steps of the training.

    Attributes:
        groups: The parameters of each group, in their order.
        factors: For each group, the factor at a step, counted from 0.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        rates: Mapping[nn.Parameter, Rates],
        steps: int,
    ) -> None:
        alike: dict[Rates, list[nn.Parameter]] = {}
        for parameter in parameters:
            alike.setdefault(rates.get(parameter, AS_IT_IS), []).append(parameter)
        self.groups = [{"params": group} for group in alike.values()]
        self.factors: list[Callable[[int], float]] = [
            partial(factor_at, own, steps=steps) for own in alike
        ]
        self._paced = [(own, group) for own, group in alike.items() if len(own) > 1]
        self._steps = steps

    def thaw(self, step: int) -> None:
        """Let those be frozen, at a step, whose factor is 0 then: no gradient of them is made."""
        for rates, group in self._paced:
            trained = factor_at(rates, step, self._steps) > 0
            for parameter in group:
                parameter.requires_grad_(trained)
