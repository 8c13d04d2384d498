"""What the strategies do that freeze, put back or update in other ways, in a realignment."""

import pytest
import torch

from alignfreeze.contracts import FreezingStrategy, LowRank
from alignfreeze.encoders import low_rank
from alignfreeze.encoders.freezing import check_strategy
from alignfreeze.encoders.low_rank import low_rank_updates
from alignfreeze.errors import ConfigError
from alignfreeze.realignment.pairs import PairStream
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.testing import tiny_encoder
from alignfreeze.training.milestones import Milestones
from alignfreeze_strategies.discriminative import DiscriminativeRates
from alignfreeze_strategies.gradual import GradualUnfreezing
from alignfreeze_strategies.lora import LowRankUpdates
from alignfreeze_strategies.none import NoFreezing
from alignfreeze_strategies.parts import PartsFreezing
from alignfreeze_strategies.revert import Reverting

RIVALS = [
    Reverting(embeddings=True),
    GradualUnfreezing(stages=2),
    DiscriminativeRates(factor=0.5),
    LowRankUpdates(rank=2, alpha=4, start=1),
    PartsFreezing(train="biases"),
]


def named(encoder) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}


def after(run, strategy, **options) -> dict[str, torch.Tensor]:
    encoder = tiny_encoder()
    run(encoder, strategy, **{"steps": 6, "checkpoint_steps": 2, **options})
    return named(encoder)


def test_what_is_put_back_is_as_before_and_all_else_as_fully_realigned(run):
    before, fully = named(tiny_encoder()), after(run, NoFreezing())
    reverted = after(run, Reverting())
    for name, parameter in reverted.items():
        lower = name.startswith(("encoder.layer.0.", "encoder.layer.1."))
        assert torch.equal(parameter, (before if lower else fully)[name]), name


def test_the_table_of_embeddings_is_put_back_whole(run):
    before, reverted = named(tiny_encoder()), after(run, Reverting(embeddings=True))
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(reverted[name], before[name])


def test_what_is_unfrozen_late_is_trained_by_later_steps_alone(run):
    """As long as it is frozen nothing moves, and what is above moves as if it were for good."""
    seen = {}
    encoder = tiny_encoder()
    look = Milestones([3, 4], lambda step, result: seen.update({step: named(encoder)}))
    run(encoder, GradualUnfreezing(stages=2), steps=6, milestones=look)
    before, lower = named(tiny_encoder()), ("embeddings.", "encoder.layer.0.")
    still = [name for name in before if torch.equal(seen[3][name], before[name])]
    assert {name for name in before if name.startswith(lower)} <= {*still}
    moved = [name for name in before if not torch.equal(seen[4][name], before[name])]
    assert {"embeddings.word_embeddings.weight", "encoder.layer.0.output.dense.weight"} <= {*moved}
    assert "encoder.layer.3.output.dense.weight" not in still


def test_the_first_step_goes_as_far_as_the_rate_says(run):
    """Adam's first step is the learning rate for every weight with a gradient."""
    rate, before = 3e-3, named(tiny_encoder())
    found = after(run, DiscriminativeRates(factor=0.5), steps=1)
    for layer in range(4):
        name = f"encoder.layer.{layer}.output.dense.weight"
        step = (found[name] - before[name]).abs().max()
        torch.testing.assert_close(step, torch.tensor(rate * 0.5 ** (3 - layer)), rtol=1e-2, atol=0)


def test_updates_are_of_low_rank_and_all_else_stays(run):
    before, found = named(tiny_encoder()), after(run, LowRankUpdates(rank=2, alpha=4, start=1))
    assert found.keys() == before.keys()
    for name, parameter in found.items():
        update = parameter - before[name]
        chosen = name.endswith(("query.weight", "value.weight")) and ".layer.0." not in name
        assert bool(update.any()) is chosen, name
        if chosen:
            assert int(torch.linalg.matrix_rank(update, rtol=1e-3)) <= 2


def test_updates_are_added_as_the_formula_says():
    encoder = tiny_encoder()
    name = "encoder.layer.2.attention.self.query"
    before = named(encoder)[f"{name}.weight"]
    with low_rank_updates(encoder, {f"{name}.weight": LowRank(2, 6)}) as added:
        adapter = encoder.get_submodule(name)
        a, b = adapter.lora_A["default"].weight, adapter.lora_B["default"].weight
        assert (tuple(a.shape), tuple(b.shape)) == ((2, 16), (16, 2))
        assert not b.any()
        with torch.no_grad():
            b.normal_()
        expected = before + 6 / 2 * (b @ a)
        with added():
            assert type(encoder.get_submodule(name)) is torch.nn.Linear
            torch.testing.assert_close(encoder.get_submodule(name).weight, expected)
        assert torch.equal(adapter.get_base_layer().weight, before)
    torch.testing.assert_close(encoder.get_submodule(name).weight, expected)
    assert not hasattr(encoder, "peft_config")
    assert all(parameter.requires_grad for parameter in encoder.parameters())


class Mixed(FreezingStrategy):
    """Updates queries, and trains all else, the queries' biases too, at half the rate."""

    def freezes(self, site, n_layers):
        return site.projection == "query" and not site.is_bias

    def rate(self, site, n_layers, progress):
        return 0.0 if self.freezes(site, n_layers) else 0.5

    def low_rank(self, site, n_layers):
        return LowRank(2, 4) if self.freezes(site, n_layers) else None


def test_what_lies_beside_an_update_has_its_own_rate(run):
    """Adam's first step is the learning rate for every weight with a gradient."""
    before, found = named(tiny_encoder()), after(run, Mixed(), steps=1)
    for name in ("attention.self.query.bias", "output.dense.weight"):
        step = (found[f"encoder.layer.2.{name}"] - before[f"encoder.layer.2.{name}"]).abs().max()
        torch.testing.assert_close(step, torch.tensor(3e-3 * 0.5), rtol=1e-2, atol=0)


def test_without_peft_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setattr(low_rank, "find_spec", lambda name: None)
    said = r"strategy 'lora' updates by low rank.* needs peft: pip install 'alignfreeze\[lora\]'"
    with pytest.raises(ConfigError, match=said):
        check_strategy(tiny_encoder(), LowRankUpdates(), name="lora")


@pytest.mark.parametrize("strategy", [s for s in RIVALS if not isinstance(s, GradualUnfreezing)])
def test_an_encoder_on_the_way_is_that_of_fewer_steps(run, strategy):
    seen = {}
    encoder = tiny_encoder()
    look = Milestones([2, 4], lambda step, result: seen.update({step: named(encoder)}))
    run(encoder, strategy, steps=6, milestones=look)
    expected = {2: after(run, strategy, steps=2), 4: after(run, strategy, steps=4)}
    expected[6], seen[6] = after(run, strategy), named(encoder)
    for step, values in expected.items():
        other = [n for n in values if not torch.equal(values[n], seen[step][n])]
        assert not other, f"after {step} steps"


@pytest.mark.parametrize("at", [2, 5])
@pytest.mark.parametrize("strategy", RIVALS, ids=lambda s: type(s).__name__)
def test_realignment_goes_on_to_the_same_bits(run, monkeypatch, strategy, at):
    expected = after(run, strategy)
    batches = PairStream.batches

    def fail(self, start):
        for number, batch in enumerate(batches(self, start), start):
            if number == at:
                raise KeyboardInterrupt("killed")
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(PairStream, "batches", fail)
        with pytest.raises(KeyboardInterrupt, match="killed"):
            after(run, strategy)
    again = after(run, strategy, resume=True)
    assert not [name for name in again if not torch.equal(again[name], expected[name])]


def test_a_prefix_below_updates_is_run_once(run, tmp_path, caplog):
    cache = PrefixCache(1, tmp_path / "prefixes")
    with caplog.at_level("INFO", logger="alignfreeze.realignment.phase"):
        after(run, LowRankUpdates(rank=2, start=2), prefixes=cache, prefix="cached")
    assert "frozen prefix of 2 layers" in caplog.text
