from typing import Annotated

import pytest
import torch
from pydantic import Field
from transformers import PreTrainedModel

from alignfreeze.contracts import Boundary, FreezingStrategy, LayerBoundary, ParameterSite
from alignfreeze.encoders.families import parameter_sites
from alignfreeze.encoders.freezing import check_strategy, frozen
from alignfreeze.errors import ConfigError
from alignfreeze.testing import ENCODER_FAMILIES, tiny_encoder
from alignfreeze_strategies.back import BackFreezing
from alignfreeze_strategies.baseline import Baseline
from alignfreeze_strategies.front import FrontFreezing
from alignfreeze_strategies.none import NoFreezing
from alignfreeze_strategies.range import RangeFreezing

STRATEGIES = [
    Baseline(),
    NoFreezing(),
    FrontFreezing(),
    FrontFreezing(boundary=1, embeddings=True),
    BackFreezing(),
    RangeFreezing(start=1, end=3),
]

UNUSED = ("pooler.", "lang_embeddings.")
"""Parameters that the hidden states do not depend on."""


class OnlyBiases(FreezingStrategy):
    """Freezes the biases."""

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        return site.name.endswith("bias")


class Everything(FreezingStrategy):
    """Freezes everything."""

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        return True


class Cuts(FreezingStrategy):
    """Has boundaries in every disguise."""

    several: tuple[Boundary, ...] = ()
    maybe: Boundary | None = None
    marked: Annotated[int, Field(ge=0), LayerBoundary()] = 0
    not_layers: int = 99

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        return False


def step(encoder: PreTrainedModel) -> set[str]:
    """One step of Adam on whatever is trainable; names of parameters that had a gradient."""
    trainable = [p for p in encoder.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trainable, lr=0.1)
    ids = torch.arange(3, 13).view(2, 5)
    states = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    states.pow(3).sum().backward()
    optimizer.step()
    return {n for n, p in encoder.named_parameters() if p.grad is not None and p.grad.any()}


@pytest.mark.parametrize("strategy", [*STRATEGIES, OnlyBiases()], ids=repr)
@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_a_step_leaves_what_is_frozen(family: str, strategy: FreezingStrategy) -> None:
    encoder = tiny_encoder(family)
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    sites = parameter_sites(encoder)
    with frozen(encoder, strategy) as summary:
        moving = step(encoder)
    moved = {n for n, p in encoder.named_parameters() if not torch.equal(p, before[n])}
    expected = {name for name, site in sites.items() if not strategy.freezes(site, 4)}
    assert summary.frozen_names == sites.keys() - expected
    assert moved == moving
    assert moved <= expected
    assert all(name.startswith(UNUSED) for name in expected - moved)
    assert all(p.requires_grad for p in encoder.parameters())


def test_flags_are_as_before_after_an_exception() -> None:
    encoder = tiny_encoder("xlm")
    encoder.get_parameter("position_embeddings.weight").requires_grad_(False)
    flags = [p.requires_grad for p in encoder.parameters()]

    def fail() -> None:
        with frozen(encoder, FrontFreezing()):
            assert [p.requires_grad for p in encoder.parameters()] != flags
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert [p.requires_grad for p in encoder.parameters()] == flags


def test_what_was_not_trainable_stays_so() -> None:
    encoder = tiny_encoder("xlm")
    positions = encoder.get_parameter("position_embeddings.weight")
    positions.requires_grad_(False)
    with frozen(encoder, NoFreezing()) as summary:
        assert not positions.requires_grad
    assert summary.frozen_weights == positions.numel()


def test_the_summary_counts_weights_and_layers() -> None:
    encoder = tiny_encoder("bert")
    summary = check_strategy(encoder, FrontFreezing(boundary=2))
    layer = sum(p.numel() for n, p in encoder.named_parameters() if "layer.0." in n)
    total = sum(p.numel() for p in encoder.parameters())
    assert summary.frozen_weights == 2 * layer
    assert summary.trainable_weights == total - 2 * layer
    assert summary.frozen_layers == (0, 1)
    assert str(summary) == f"{2 * layer:,} of {total:,} weights frozen; whole layers: 0 1"
    assert str(check_strategy(encoder, OnlyBiases())).endswith("whole layers: none")


def test_checking_changes_nothing() -> None:
    encoder = tiny_encoder("bert")
    check_strategy(encoder, FrontFreezing())
    assert all(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize(
    ("strategy", "field"),
    [
        (FrontFreezing(boundary=5), "boundary"),
        (BackFreezing(boundary=5), "boundary"),
        (RangeFreezing(start=0, end=5), "end"),
        (Cuts(several=(1, 5)), "several"),
        (Cuts(maybe=5), "maybe"),
        (Cuts(marked=5), "marked"),
    ],
)
def test_a_boundary_beyond_the_layers(strategy: FreezingStrategy, field: str) -> None:
    encoder = tiny_encoder("bert", n_layers=4)
    match = f"strategy 'mine': {field} must be <= 4, the encoder's layers, got 5"
    with pytest.raises(ConfigError, match=match), frozen(encoder, strategy, name="mine"):
        pass


def test_a_boundary_at_the_last_layer_fits() -> None:
    encoder = tiny_encoder("bert", n_layers=4)
    assert check_strategy(encoder, Cuts(several=(4,), maybe=4, marked=4)).frozen_weights == 0
    assert check_strategy(encoder, FrontFreezing(boundary=4)).frozen_layers == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "strategy", [Everything(), FrontFreezing(boundary=4, embeddings=True)], ids=repr
)
def test_freezing_everything(strategy: FreezingStrategy) -> None:
    encoder = tiny_encoder("bert", n_layers=4)
    match = "strategy 'all' must leave something to train"
    with pytest.raises(ConfigError, match=match), frozen(encoder, strategy, name="all"):
        pass
    with pytest.raises(ConfigError, match=f"strategy '{type(strategy).__name__}' must"):
        check_strategy(encoder, strategy)
