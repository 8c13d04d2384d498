"""Apply a freezing strategy to an encoder, and take it back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alignfreeze.contracts import FreezingStrategy
from alignfreeze.encoders.families import layer_count, parameter_sites
from alignfreeze.encoders.stated import check_boundaries
from alignfreeze.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class FreezingSummary:
    """What a strategy does to an encoder; as text, one line for a log.

    It counts the numbers that stay as they are, and that are trained. The layers are those that are
    frozen as a whole, in order; the names those of the frozen parameters, relative to the encoder.
    """

    frozen_weights: int
    trainable_weights: int
    frozen_layers: tuple[int, ...]
    frozen_names: frozenset[str] = field(repr=False)

    def __str__(self) -> str:
        """Counts, and the layers as a list."""
        total = self.frozen_weights + self.trainable_weights
        layers = " ".join(map(str, self.frozen_layers)) or "none"
        return f"{self.frozen_weights:,} of {total:,} weights frozen; whole layers: {layers}"


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
        ConfigError: If a boundary lies beyond the encoder's layers, or nothing is left to train.
        EncoderError: If the encoder's layers cannot be found.
    """
    who = f"strategy {name or type(strategy).__name__!r}"
    n_layers = layer_count(encoder)
    check_boundaries(strategy, n_layers, who)
    sites = parameter_sites(encoder)
    frozen_names = frozenset(n for n, site in sites.items() if strategy.freezes(site, n_layers))
    trained_layers = {site.layer for n, site in sites.items() if n not in frozen_names}
    trainable = sum(
        parameter.numel()
        for parameter_name, parameter in encoder.named_parameters()
        if parameter.requires_grad and parameter_name not in frozen_names
    )
    if not trainable:
        raise ConfigError(f"{who} must leave something to train, but freezes the whole encoder")
    return FreezingSummary(
        frozen_weights=sum(parameter.numel() for parameter in encoder.parameters()) - trainable,
        trainable_weights=trainable,
        frozen_layers=tuple(layer for layer in range(n_layers) if layer not in trained_layers),
        frozen_names=frozen_names,
    )
