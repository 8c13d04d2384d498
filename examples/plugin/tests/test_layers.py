import pytest
from alignfreeze_example import LayerFreezing

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.errors import ConfigError
from alignfreeze.testing import StrategyContract


class TestLayerFreezing(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [LayerFreezing(layers=frozenset(layers)) for layers in ({0}, {0, 2, 5})]


def test_freezes_the_layers_that_are_named() -> None:
    strategy = LayerFreezing(layers=frozenset({0, 2}))
    assert [k for k in range(6) if strategy.freezes(ParameterSite("weight", k), 6)] == [0, 2]
    assert not strategy.freezes(ParameterSite("embeddings.weight", None), 6)


def test_layers_are_written_with_plus_signs() -> None:
    """As ``--strategy-args layers=0+2`` hands them on."""
    assert create_plugin(STRATEGY, "layers", {"layers": "2+0"}) == LayerFreezing(
        layers=frozenset({0, 2})
    )


def test_an_encoder_must_have_the_layers() -> None:
    with pytest.raises(ConfigError, match=r"^layers must be below 6, the .* layers, got 7$"):
        LayerFreezing(layers=frozenset({1, 7})).resolved(6)
