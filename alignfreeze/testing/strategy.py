"""What every freezing strategy must do."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import ClassVar

from alignfreeze.contracts import FreezingStrategy, LowRank, ParameterSite, Part, Projection
from alignfreeze.encoders.freezing import frozen
from alignfreeze.testing.encoders import tiny_encoder
from alignfreeze.testing.plugin import PluginContract

_OF_LAYER: Sequence[tuple[str, Part, Projection | None]] = (
    ("attention.query.weight", "attention", "query"),
    ("attention.value.weight", "attention", "value"),
    ("attention.output.LayerNorm.weight", "norm", None),
    ("output.dense.bias", "feed-forward", "down"),
)


def sites(n_layers: int) -> Iterator[ParameterSite]:
    """Some parameters of an encoder with ``n_layers`` layers: embeddings, weights and biases."""
    yield ParameterSite("embeddings.word_embeddings.weight", None, "embeddings")
    yield ParameterSite("embeddings.LayerNorm.bias", None, "norm")
    for layer in range(n_layers):
        for name, part, projection in _OF_LAYER:
            yield ParameterSite(f"encoder.layer.{layer}.{name}", layer, part, projection)


PROGRESS = (0.0, 0.01, 0.33, 0.5, 0.99)
"""Parts of the steps that are done."""


def _answers(
    strategy: FreezingStrategy, site: ParameterSite, n_layers: int
) -> tuple[bool, list[float], bool, LowRank | None]:
    """All that a strategy says of a parameter."""
    return (
        strategy.freezes(site, n_layers),
        [strategy.rate(site, n_layers, progress) for progress in PROGRESS],
        strategy.restores(site, n_layers),
        strategy.low_rank(site, n_layers),
    )


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
                same = _answers(said, site, n_layers) == _answers(strategy, site, n_layers)
                assert same, f"{case} does otherwise with {site!r}"

    def test_rates_are_parts_of_the_learning_rate(self) -> None:
        """They are in [0, 1], the same when asked again, and 0 for what is frozen."""
        for strategy, n_layers in self._cases():
            for site, progress in product(sites(n_layers), PROGRESS):
                rate = strategy.rate(site, n_layers, progress)
                case = f"{strategy!r}.rate({site!r}, {n_layers}, {progress})"
                assert 0 <= rate <= 1, f"{case} is {rate!r}, not in [0, 1]"
                assert strategy.rate(site, n_layers, progress) == rate, f"{case} changes"
                frozen_too = rate == 0 or not strategy.freezes(site, n_layers)
                assert frozen_too, f"{case} is {rate!r}, but it is frozen"

    def test_updates_of_low_rank_are_of_what_is_frozen(self) -> None:
        """Their ranks are 1 at least."""
        for strategy, n_layers in self._cases():
            for site in sites(n_layers):
                update = strategy.low_rank(site, n_layers)
                case = f"{strategy!r}.low_rank({site!r}, {n_layers})"
                assert update is None or update.rank >= 1, f"{case} is {update!r}"
                kept = update is None or strategy.freezes(site, n_layers)
                assert kept, f"{case} is {update!r}, but it is not frozen"

    def test_leaves_something_to_train(self) -> None:
        """A strategy that freezes everything, or puts everything back, is an error at run time."""
        for strategy, n_layers in self._cases():
            left = any(
                (not strategy.freezes(site, n_layers) or strategy.low_rank(site, n_layers))
                and not strategy.restores(site, n_layers)
                for site in sites(n_layers)
            )
            assert left, f"{strategy!r} leaves nothing of {n_layers} layers realigned"

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
