"""Apply a freezing strategy to an encoder, and take it back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import nn

from alignfreeze.contracts import FreezingStrategy, LowRank
from alignfreeze.encoders.families import knows_parts, layer_count, parameter_sites
from alignfreeze.encoders.low_rank import check_library
from alignfreeze.encoders.rates import AS_IT_IS, FROZEN, Rates, rates_of
from alignfreeze.encoders.stated import check_boundaries
from alignfreeze.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class FreezingSummary:
    """What a strategy does to an encoder; as text, one line for a log.

    Names are those of parameters, relative to the encoder.

    Attributes:
        frozen_weights: How many numbers are never trained.
        trainable_weights: How many are; in place of a matrix's, those of its update of low rank.
        frozen_layers: The layers that are frozen as a whole, in order.
        frozen_names: The parameters that are frozen, from the first step to the last.
        rates: How the learning rate of each is changed, where it is: of frozen ones too.
        restored_names: Those that are put back after realignment.
        low_rank: The updates of frozen matrices.
    """

    frozen_weights: int
    trainable_weights: int
    frozen_layers: tuple[int, ...]
    frozen_names: frozenset[str] = field(repr=False)
    rates: Mapping[str, Rates] = field(default_factory=dict, repr=False)
    restored_names: frozenset[str] = field(default=frozenset(), repr=False)
    low_rank: Mapping[str, LowRank] = field(default_factory=dict, repr=False)

    @property
    def is_paced(self) -> bool:
        """Whether what is trained, or how fast, depends on how many steps are done."""
        return any(len(rates) > 1 for rates in self.rates.values())

    @property
    def untouched_names(self) -> frozenset[str]:
        """The parameters that are after realignment what they were before."""
        return (self.frozen_names - self.low_rank.keys()) | self.restored_names

    def __str__(self) -> str:
        """Counts, and the layers as a list."""
        total = self.frozen_weights + self.trainable_weights
        layers = " ".join(map(str, self.frozen_layers)) or "none"
        text = f"{self.frozen_weights:,} of {total:,} weights frozen; whole layers: {layers}"
        slowed = [rates for rates in self.rates.values() if rates != FROZEN]
        said = {
            f"{len(slowed)} parameters at rates of their own": slowed,
            f"{len(self.restored_names)} parameters to be put back": self.restored_names,
            f"{len(self.low_rank)} matrices by updates of low rank": self.low_rank,
        }
        return "; ".join([text, *(line for line, found in said.items() if found)])


@contextmanager
def frozen(
    encoder: "PreTrainedModel",
    strategy: FreezingStrategy | FreezingSummary,
    *,
    name: str | None = None,
) -> Iterator[FreezingSummary]:
    """Freeze what a strategy freezes, for as long as the context lasts.

    Inside, the strategy's parameters have ``requires_grad=False``. One that was not trainable
    before (say, XLM's sinusoidal positions) is not made trainable. Afterwards, an exception
    included, every flag is what it was. What `check_strategy` has said of a strategy may take its
    place, and is not checked again.

    Raises:
        AlignFreezeError: As `check_strategy`.
    """
    summary = strategy
    if not isinstance(summary, FreezingSummary):
        summary = check_strategy(encoder, summary, name=name)
    before = [(parameter, parameter.requires_grad) for parameter in encoder.parameters()]
    try:
        for parameter_name, parameter in encoder.named_parameters():
            if parameter_name in summary.frozen_names:
                parameter.requires_grad_(False)
        yield summary
    finally:
        for parameter, flag in before:
            parameter.requires_grad_(flag)


def check_strategy(
    encoder: "PreTrainedModel", strategy: FreezingStrategy, *, name: str | None = None
) -> FreezingSummary:
    """Check that a strategy fits an encoder, and say what it would do; changes nothing.

    Args:
        encoder: The encoder, without a task head; weights are not looked at.
        strategy: The strategy.
        name: What the user called it, for messages; by default its class's name.

    Raises:
        ConfigError: If a boundary lies beyond the encoder's layers, nothing is left to train, all
            that is trained is put back, or what is to be updated by low rank cannot be.
        EncoderError: If the encoder's layers cannot be found.
    """
    who = f"strategy {name or type(strategy).__name__!r}"
    n_layers = layer_count(encoder)
    check_boundaries(strategy, n_layers, who)
    sites = parameter_sites(encoder)
    rates = {n: r for n, s in sites.items() if (r := rates_of(strategy, s, n_layers)) != AS_IT_IS}
    frozen_names = frozenset(name for name, own in rates.items() if own == FROZEN)
    low_rank = {n: u for n, site in sites.items() if (u := strategy.low_rank(site, n_layers))}
    restored = frozenset(n for n, site in sites.items() if strategy.restores(site, n_layers))
    _check_updates(encoder, low_rank, frozen_names, who)
    sizes = {n: p.numel() for n, p in encoder.named_parameters() if p.requires_grad}
    sizes = {n: size for n, size in sizes.items() if n not in frozen_names}
    updates = sum(
        update.rank * sum(encoder.get_parameter(n).shape) for n, update in low_rank.items()
    )
    if not (sizes or low_rank):
        unknown = f"; of models of type {encoder.config.model_type!r} it is not known which parts "
        unknown += "of a layer are attention's"
        raise ConfigError(
            f"{who} must leave something to train, but freezes the whole encoder"
            f"{'' if knows_parts(encoder) else unknown}"
        )
    if not (sizes.keys() - restored or low_rank.keys() - restored):
        raise ConfigError(f"{who} must leave something realigned, but puts back all that is")
    trained_layers = {sites[n].layer for n in (*(sites.keys() - frozen_names), *low_rank)}
    return FreezingSummary(
        frozen_weights=sum(p.numel() for p in encoder.parameters()) - sum(sizes.values()),
        trainable_weights=sum(sizes.values()) + updates,
        frozen_layers=tuple(layer for layer in range(n_layers) if layer not in trained_layers),
        frozen_names=frozen_names,
        rates=rates,
        restored_names=restored,
        low_rank=low_rank,
    )


def _check_updates(
    encoder: "PreTrainedModel",
    low_rank: Mapping[str, LowRank],
    frozen_names: frozenset[str],
    who: str,
) -> None:
    """Check that updates of low rank are of frozen matrices of linear layers, and of low rank."""
    if low_rank:
        check_library(who)
    for name, update in low_rank.items():
        module, _, parameter = name.rpartition(".")
        matrix = encoder.get_parameter(name)
        linear = type(encoder.get_submodule(module)) is nn.Linear and parameter == "weight"
        if not linear or name not in frozen_names:
            raise ConfigError(
                f"{who} must update by low rank frozen matrices of linear layers alone, got {name}"
            )
        if not 1 <= update.rank <= min(matrix.shape):
            raise ConfigError(
                f"{who}: rank must be in [1, {min(matrix.shape)}], the matrix's, for {name}, got "
                f"{update.rank}"
            )
