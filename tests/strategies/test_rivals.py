"""The strategies that are not about freezing alone, against plain loops."""

import pytest

from alignfreeze.contracts import FreezingStrategy, LowRank
from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.encoders.families import parameter_sites
from alignfreeze.encoders.freezing import check_strategy
from alignfreeze.errors import ConfigError
from alignfreeze.testing import ENCODER_FAMILIES, StrategyContract, tiny_encoder
from alignfreeze_strategies.discriminative import DiscriminativeRates
from alignfreeze_strategies.gradual import GradualUnfreezing
from alignfreeze_strategies.lora import LowRankUpdates
from alignfreeze_strategies.parts import PartsFreezing
from alignfreeze_strategies.revert import Reverting

N_LAYERS = 4


class TestReverting(StrategyContract):
    def instances(self):
        return [Reverting(), Reverting(start=1, end=3, embeddings=True)]


class TestGradualUnfreezing(StrategyContract):
    def instances(self):
        return [GradualUnfreezing(), GradualUnfreezing(stages=6, order="bottom")]


class TestDiscriminativeRates(StrategyContract):
    def instances(self):
        return [DiscriminativeRates(), DiscriminativeRates(factor=0.5, order="bottom")]


class TestLowRankUpdates(StrategyContract):
    def instances(self):
        return [LowRankUpdates(), LowRankUpdates(rank=2, start=2, end=5, projections="query")]


class TestPartsFreezing(StrategyContract):
    def instances(self):
        kinds = ("attention", "feed-forward", "biases", "norms", "biases+norms")
        return [PartsFreezing(), *(PartsFreezing(train=kind) for kind in kinds)]


def layer_of(name: str) -> int | None:
    """The layer in a name such as ``encoder.layer.3.output.dense.bias``, by plain looking."""
    numbers = [int(part) for part in name.split(".") if part.isdigit()]
    return numbers[0] if numbers else None


def bert():
    encoder = tiny_encoder("bert", n_layers=N_LAYERS)
    return encoder, [n for n, _ in encoder.named_parameters() if not n.startswith("pooler.")]


@pytest.mark.parametrize(
    ("strategy", "layers"),
    [
        (Reverting(), {0, 1}),
        (Reverting(start=1, end=3), {1, 2}),
        (Reverting(start=3), {3}),
        (Reverting(end=1, embeddings=True), {None, 0}),
    ],
)
def test_reverting_puts_layers_back(strategy, layers):
    encoder, names = bert()
    summary = check_strategy(encoder, strategy)
    assert {n for n in names if n in summary.restored_names} == {
        n for n in names if layer_of(n) in layers
    }
    assert not summary.frozen_names
    assert not summary.rates


def test_reverting_resolves_to_the_lower_half_or_what_begins_above_it():
    assert Reverting().resolved(12) == Reverting(end=6)
    assert Reverting(start=5).resolved(12) == Reverting(start=5, end=6)
    assert Reverting(start=6).resolved(12) == Reverting(start=6, end=12)
    assert Reverting().resolved(1) == Reverting(end=1)
    with pytest.raises(ConfigError, match=r"start must be < 12, .* got 12"):
        Reverting(start=12).resolved(12)


@pytest.mark.parametrize("order", ["top", "bottom"])
@pytest.mark.parametrize("stages", [1, 2, 4])
def test_unfreezing_goes_on_from_one_end(order, stages):
    strategy = GradualUnfreezing(stages=stages, order=order)
    units = [None, *range(N_LAYERS)]
    if order == "top":
        units.reverse()
    encoder, names = bert()
    summary = check_strategy(encoder, strategy)
    for name in names:
        stage = units.index(layer_of(name)) * stages // len(units)
        expected = [1.0 if step / 100 >= stage / stages else 0.0 for step in range(100)]
        assert list(summary.rates.get(name, (1.0,))) in (expected, expected[:1])
    assert summary.is_paced is (stages > 1)
    sites = parameter_sites(encoder).values()
    last = [strategy.rate(site, N_LAYERS, 0.99) for site in sites]
    assert last == [1.0] * len(last)


def test_rates_fall_by_a_factor_a_layer():
    encoder, names = bert()
    for order, exponents in (("top", [4, 3, 2, 1, 0]), ("bottom", [0, 1, 2, 3, 4])):
        summary = check_strategy(encoder, DiscriminativeRates(factor=0.5, order=order))
        of_layer = dict(zip([None, *range(N_LAYERS)], exponents, strict=True))
        for name in names:
            expected = 1.0
            for _ in range(of_layer[layer_of(name)]):
                expected *= 0.5
            assert summary.rates.get(name, (1.0,)) == (expected,)
        assert not summary.is_paced


def test_updates_are_of_the_chosen_matrices():
    encoder, names = bert()
    summary = check_strategy(encoder, LowRankUpdates(rank=2, alpha=4, start=1, end=3))
    matrices = ("attention.self.query.weight", "attention.self.value.weight")
    chosen = [n for n in names if layer_of(n) in (1, 2) and n.endswith(matrices)]
    assert summary.low_rank == dict.fromkeys(chosen, LowRank(2, 4))
    assert summary.frozen_names >= {*names}
    assert summary.trainable_weights == len(chosen) * 2 * (16 + 16)


@pytest.mark.parametrize("family", ENCODER_FAMILIES)
def test_low_rank_and_parts_know_every_family(family):
    encoder = tiny_encoder(family, n_layers=N_LAYERS)
    n_matrices = 1 if family == "modernbert" else 2
    try:
        summary = check_strategy(encoder, LowRankUpdates(rank=1))
    except ConfigError as error:
        assert "it is not known which parts of a layer are attention's" in str(error)  # noqa: PT017
        return
    assert len(summary.low_rank) == N_LAYERS * n_matrices
    parts = [check_strategy(encoder, PartsFreezing(train=k)) for k in ("attention", "feed-forward")]
    shared = {*parameter_sites(encoder)} - parts[0].frozen_names - parts[1].frozen_names
    assert not shared
    for summary in parts:
        assert summary.trainable_weights >= 3 * N_LAYERS * 16 * 16


KINDS = {
    "attention": lambda n: "attention" in n and "LayerNorm" not in n,
    "feed-forward": lambda n: (
        ("intermediate" in n or "output" in n) and "attention" not in n and "LayerNorm" not in n
    ),
    "biases": lambda n: n.endswith("bias"),
    "norms": lambda n: "LayerNorm" in n,
}


@pytest.mark.parametrize("train", [*KINDS, "attention+biases"])
@pytest.mark.parametrize("embeddings", [True, False])
def test_parts_train_what_their_kind_says(train, embeddings):
    encoder, names = bert()
    summary = check_strategy(encoder, PartsFreezing(train=train, embeddings=embeddings))
    for name in names:
        inside = layer_of(name) is not None
        trained = any(KINDS[k](name) for k in train.split("+")) if inside else not embeddings
        assert (name not in summary.frozen_names) is trained, name


def test_a_family_whose_parts_are_not_known_is_said():
    encoder = tiny_encoder("xlm", n_layers=N_LAYERS)
    with pytest.raises(ConfigError, match="of models of type 'xlm' it is not known which parts"):
        check_strategy(encoder, PartsFreezing())
    assert check_strategy(encoder, PartsFreezing(train="biases+norms")).trainable_weights


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        (
            "revert",
            {"start": 3, "end": 3},
            "strategy 'revert': end must be > start, which is 3, got 3",
        ),
        ("gradual", {"stages": 0}, "strategy 'gradual': stages must be >= 1, got 0"),
        (
            "discriminative",
            {"factor": 0},
            "strategy 'discriminative': factor must be >= 0.1, got 0",
        ),
        ("lora", {"rank": 0}, "strategy 'lora': rank must be >= 1, got 0"),
        ("lora", {"start": 2, "end": 2}, "strategy 'lora': end must be > start, which is 2, got 2"),
        ("lora", {"projections": "querry"}, "strategy 'lora': projections"),
        ("parts", {"train": "bias"}, "strategy 'parts': train"),
    ],
)
def test_wrong_arguments_are_one_line(name, args, message):
    with pytest.raises(ConfigError) as caught:
        create_plugin(STRATEGY, name, args)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


class Odd(FreezingStrategy):
    """Says what cannot be."""

    rates: float = 1.0
    back: bool = False
    rank: int = 0
    of: str = "query.weight"

    def freezes(self, site, n_layers):
        return self.rank > 0

    def rate(self, site, n_layers, progress):
        return self.rates

    def restores(self, site, n_layers):
        return self.back

    def low_rank(self, site, n_layers):
        return LowRank(self.rank, 1) if self.rank and site.name.endswith(self.of) else None


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (Odd(rates=2), r"Odd\.rate of embeddings\.\S+ must be in \[0, 1\], got 2"),
        (Odd(rank=1), "must be 0, since freezes says that it is frozen"),
        (Odd(back=True), "must leave something realigned, but puts back all that is"),
        (Odd(rates=0, rank=17), r"rank must be in \[1, 16\], the matrix's, for \S+, got 17"),
        (Odd(rates=0, rank=1, of="LayerNorm.weight"), "frozen matrices of linear layers alone"),
    ],
)
def test_what_a_strategy_cannot_say_is_told(odd, message):
    with pytest.raises(ConfigError, match=message):
        check_strategy(tiny_encoder("bert", n_layers=N_LAYERS), odd)


def test_beyond_the_layers():
    for strategy in (Reverting(end=5), GradualUnfreezing(stages=5), LowRankUpdates(end=5)):
        with pytest.raises(ConfigError, match="must be <= 4, the encoder's layers, got 5"):
            check_strategy(tiny_encoder("bert", n_layers=N_LAYERS), strategy)
