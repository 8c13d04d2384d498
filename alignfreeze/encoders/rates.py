"""How strategies change learning rates over the steps. Nothing heavy is imported."""

from collections.abc import Iterable

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.errors import ConfigError

Rates = tuple[float, ...]
"""Factors of a learning rate by hundredth of the steps; of one that never changes, one alone."""

FROZEN: Rates = (0.0,)
AS_IT_IS: Rates = (1.0,)
HUNDREDTHS = 100


def factor_at(rates: Rates, step: int, steps: int) -> float:
    """The factor of a learning rate after ``step`` of ``steps`` steps."""
    return rates[0] if len(rates) == 1 else rates[min(step * HUNDREDTHS // steps, HUNDREDTHS - 1)]


def rates_of(strategy: FreezingStrategy, site: ParameterSite, n_layers: int) -> Rates:
    """The factors of one parameter's learning rate.

    Raises:
        ConfigError: If one is not in [0, 1], or is not 0 though the parameter is frozen.
    """
    if type(strategy).rate is FreezingStrategy.rate:
        return FROZEN if strategy.freezes(site, n_layers) else AS_IT_IS
    steps = range(HUNDREDTHS)
    found = [float(strategy.rate(site, n_layers, step / HUNDREDTHS)) for step in steps]
    who = f"{type(strategy).__name__}.rate of {site.name}"
    if odd := [rate for rate in found if not 0 <= rate <= 1]:
        raise ConfigError(f"{who} must be in [0, 1], got {odd[0]:g}")
    if any(found) and strategy.freezes(site, n_layers):
        raise ConfigError(f"{who} must be 0, since freezes says that it is frozen")
    return tuple(found) if len(set(found)) > 1 else (found[0],)


def is_paced(strategy: FreezingStrategy, sites: Iterable[ParameterSite], n_layers: int) -> bool:
    """Whether what is trained, or how fast, depends on how many of the steps are done.

    Then an encoder is not on the way of one that is realigned for more steps.

    Raises:
        ConfigError: As `rates_of`.
    """
    return any(len(rates_of(strategy, site, n_layers)) > 1 for site in sites)
