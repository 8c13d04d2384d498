"""What a grid is made of: presets, files and options, and which of them goes before."""

from itertools import product

import pytest
import yaml

from alignfreeze.benchmark.settings import build_benchmark, plugin_of
from alignfreeze.config import build_config, preset_options
from alignfreeze.errors import ConfigError

XLMR = "FacebookAI/xlm-roberta-base"
MBERT = "bert-base-multilingual-cased"


def test_the_default_is_the_demo():
    grid = build_benchmark({})
    assert grid.settings.models == ("demo",)
    assert grid.settings.strategies == ("baseline", "none", "front", "back")
    assert grid.settings.tasks == ("pos", "ner", "nli", "qa")
    assert grid.settings.seeds == (31, 42, 66)
    assert grid.by_model["demo"].realign_lr == preset_options("demo-all")["realign_lr"]
    assert grid.by_model["demo"].data == "demo"


@pytest.mark.parametrize("given", [{"preset": "paper"}, {"data": "hub"}])
def test_other_data_is_the_published_grid(given):
    grid = build_benchmark(given)
    assert len(grid.settings.models) == 3
    assert grid.settings.seeds == (31, 42, 66, 23, 17)
    sides = (getattr(grid.settings, s) for s in ("models", "strategies", "tasks", "seeds"))
    assert len(list(product(*sides))) == 240
    assert {config.data for config in grid.by_model.values()} == {"hub"}
    own = preset_options("paper-xlmr")
    config = grid.by_model[XLMR]
    assert (config.realign_lr, config.finetune_lr) == (own["realign_lr"], own["finetune_lr"])
    assert grid.by_model[MBERT].realign_lr == preset_options("paper")["realign_lr"]


@pytest.mark.parametrize("preset", ["standard", "paper", "paper-as-run"])
def test_a_grids_runs_are_those_of_its_presets(preset):
    grid = build_benchmark({"preset": preset})
    sides = {"task": grid.settings.tasks, "seed": 31}
    for model, config in grid.by_model.items():
        of_model = f"{preset}-xlmr" if model == XLMR else preset
        assert config == build_config({"preset": of_model, **sides, "model": model})
    assert grid.run_preset == preset


def test_a_grid_of_one_task_has_no_lengths_of_others():
    grid = build_benchmark({"preset": "paper-as-run", "tasks": "pos,qa"})
    assert grid.by_model[MBERT].eval_max_length == {"pos": 128, "qa": 384}
    assert grid.by_model[MBERT].pair_limit == 581
    assert grid.by_model[XLMR].pair_limit == 519


def test_other_models_are_asked_for_with_the_published_settings():
    grid = build_benchmark({"models": "my/encoder", "data": "folder"})
    assert list(grid.by_model) == ["my/encoder"]
    config = grid.by_model["my/encoder"]
    assert (config.data, config.realign_lr) == ("folder", preset_options("paper")["realign_lr"])


def test_the_nearer_setting_wins():
    given = {"preset": "paper", "realign_lr": "1e-4"}
    assert {c.realign_lr for c in build_benchmark(given).by_model.values()} == {1e-4}
    given["model_settings"] = f"{XLMR}.realign_lr=3.0e-4,{XLMR}.realign_batch_size=8"
    by_model = build_benchmark(given).by_model
    assert by_model[XLMR].realign_lr == 3e-4
    assert by_model[XLMR].realign_batch_size == 8
    assert by_model[MBERT].realign_lr == 1e-4


def test_a_file_may_hold_the_grid_and_its_settings(tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text(
        "models: [a/b, c]\nseeds: [1, 2]\ndata: folder\nrealign_steps: 7\n"
        "model_settings: {c: {realign_steps: 9}}\n"
    )
    grid = build_benchmark({"config": str(file), "seeds": "5"})
    assert grid.settings.seeds == (5,)
    assert {model: config.realign_steps for model, config in grid.by_model.items()} == {
        "a/b": 7,
        "c": 9,
    }


def test_what_is_logged_makes_the_same_grid_again(tmp_path):
    given = {"preset": "paper", "seeds": "1,2", "model_settings": f"{MBERT}.layer=-2"}
    first = build_benchmark({**given, "temperature": "0.2", "workers": "3"})
    file = tmp_path / "grid.yaml"
    file.write_text(yaml.safe_dump(dict(first.options)))
    again = build_benchmark({"config": str(file)})
    assert again.by_model == first.by_model
    assert again.settings.seeds == first.settings.seeds
    assert again.settings.strategies == first.settings.strategies


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            {"preset": "demo-all"},
            "preset must be one of demo, paper, paper-as-run, standard, got 'demo-all'",
        ),
        (
            {"strategy": "front"},
            "strategy is not an option of a benchmark; did you mean 'strategies'",
        ),
        ({"seeds": "1,one"}, "seeds.1 must be a valid integer"),
        ({"seeds": "1,1"}, "must not name anything twice: 1"),
        ({"tasks": ","}, "tasks must name at least one"),
        ({"temperature": "0"}, "temperature must be >= 0.0001"),
        ({"workers": "0"}, "workers must be > 0"),
        ({"model_settings": "other.layer=-2"}, "one of the models demo, got 'other.layer'"),
        ({"model_settings": "demo.seed=3"}, "must be none of .* which are the grid's, got 'seed'"),
        ({"model_settings": "demo.precision=fp32"}, "got 'precision'"),
        ({"model_settings": "demo.layers=3"}, "must be options of a run, got 'layers'"),
        ({"model_settings": "demo"}, "model_settings must be name=value"),
        ({"launcher_args": "a=1"}, "launcher_args must be empty with launcher=local"),
        ({"models": "a/enc,b/enc"}, "must differ in the last part of their names.*a/enc, b/enc"),
        ({"config": "/nowhere.yaml"}, "config: cannot read /nowhere.yaml"),
    ],
)
def test_nonsense_is_refused_in_one_line(given, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        build_benchmark(given)
    assert "\n" not in str(caught.value)


def test_a_strategy_may_have_hyperparameters():
    assert plugin_of("strategies", "front") == ("front", {})
    assert plugin_of("strategies", "range:start=1:end=3") == ("range", {"start": 1, "end": 3})
    with pytest.raises(ConfigError, match=r"got 'front:3'"):
        plugin_of("strategies", "front:3")
