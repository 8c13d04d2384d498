"""Fields of several values in a search: each choice is a text, as Optuna has no lists."""

from optuna.trial import FixedTrial

from alignfreeze.benchmark.cells import entry_of
from alignfreeze.benchmark.settings import plugin_of
from alignfreeze.config import RunConfig, checked
from alignfreeze.contracts import Boundary, FreezingStrategy
from alignfreeze.search.parameters import Choice, derived
from alignfreeze.search.space import Space
from alignfreeze.search.space_file import read_parameters


class Picked(FreezingStrategy):
    """Freezes the layers that are named."""

    layers: tuple[Boundary, ...] = (0, 1)


CONFIG = RunConfig(strategy="picked", strategy_args={"layers": [1, 3]})
PLUGINS = {"strategy": {"picked": Picked}}
CHOICES = Choice(("0+2", "1+3", 2))


def test_choices_of_several_values_are_texts():
    text = "layers: [0+2, [1, 3], 2]"
    assert read_parameters(text, "space.yaml", CONFIG, PLUGINS, 12) == {"picked.layers": CHOICES}


def test_a_trial_draws_one_and_the_strategy_reads_it():
    space = Space(PLUGINS, {"picked.layers": CHOICES}, {})
    drawn = space.draw(FixedTrial({"picked.layers": "1+3"}), CONFIG)
    assert checked(Picked, drawn.strategy_args).layers == (1, 3)
    assert space.point(CONFIG) == {"picked.layers": "1+3"}
    assert space.boundaries() == ()
    assert derived(Picked, "layers", "picked.layers", 12) is None


def test_a_grid_names_a_strategy_with_several_values():
    name, args = plugin_of("strategies", "picked:layers=1+3")
    assert checked(Picked, args).layers == (1, 3)
    assert (
        entry_of("picked", CONFIG.strategy_args)
        == f"{name}:layers={args['layers']}"
        == "picked:layers=1+3"
    )
