"""What every freezing strategy must do."""

from collections.abc import Iterator
from itertools import product
from typing import ClassVar

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.encoders.freezing import frozen
from alignfreeze.testing.encoders import tiny_encoder
from alignfreeze.testing.plugin import PluginContract

_PARTS = ("attention.query.weight", "attention.output.LayerNorm.weight", "output.dense.bias")


def sites(n_layers: int) -> Iterator[ParameterSite]:
    """Some parameters of an encoder with ``n_layers`` layers: embeddings, weights and biases."""
    yield ParameterSite(name="embeddings.word_embeddings.weight", layer=None)
    yield ParameterSite(name="embeddings.LayerNorm.bias", layer=None)
    for layer in range(n_layers):
        for part in _PARTS:
            yield ParameterSite(name=f"encoder.layer.{layer}.{part}", layer=layer)


class StrategyContract(PluginContract[FreezingStrategy]):
    """Contract tests of a freezing strategy, run by pytest.

    Subclass it, call the subclass ``Test...``, and say which instances to test:

        class TestMyFreezing(StrategyContract):
            def instances(self):
                return [MyFreezing(), MyFreezing(every=3)]
    """

    kind = FreezingStrategy

    depths: ClassVar[tuple[int, ...]] = (6, 12, 24)
    """Numbers of layers that every instance must work with."""

    def test_answers_for_every_parameter(self) -> None:
        """The answer is a bool, and the same when asked again."""
        for strategy, n_layers in self._cases():
            for site in sites(n_layers):
                answer = strategy.freezes(site, n_layers)
                case = f"{strategy!r}.freezes({site!r}, {n_layers})"
                assert isinstance(answer, bool), f"{case} is {answer!r}, not a bool"
                assert strategy.freezes(site, n_layers) is answer, f"{case} changes"

    def test_resolved_freezes_the_same(self) -> None:
        """With its defaults said, a strategy is of the same kind, and nothing is left to say."""
        for strategy, n_layers in self._cases():
            said = strategy.resolved(n_layers)
            case = f"{strategy!r}.resolved({n_layers})"
            assert type(said) is type(strategy), f"{case} is {said!r}"
            assert said.resolved(n_layers) == said, f"{case} changes when resolved again"
            text = said.model_dump_json()
            assert type(said).model_validate_json(text) == said, f"{case} by JSON"
            for site in sites(n_layers):
                same = said.freezes(site, n_layers) is strategy.freezes(site, n_layers)
                assert same, f"{case} freezes {site!r} otherwise"

    def test_leaves_something_to_train(self) -> None:
        """A strategy that freezes everything is an error at run time."""
        for strategy, n_layers in self._cases():
            left = any(not strategy.freezes(site, n_layers) for site in sites(n_layers))
            assert left, f"{strategy!r} freezes everything of {n_layers} layers"

    def test_freezes_an_encoder_and_takes_it_back(self) -> None:
        """On a real encoder, its answers are what is frozen, and only for the time being."""
        n_layers = min(self.depths)
        encoder = tiny_encoder("bert", n_layers=n_layers)
        for strategy in self._instances():
            with frozen(encoder, strategy) as summary:
                flags = {name: p.requires_grad for name, p in encoder.named_parameters()}
            for name, trainable in flags.items():
                assert trainable is (name not in summary.frozen_names), f"{strategy!r}: {name}"
            assert all(p.requires_grad for p in encoder.parameters()), f"{strategy!r} lingers"

    def _cases(self) -> Iterator[tuple[FreezingStrategy, int]]:
        return product(self._instances(), self.depths)
