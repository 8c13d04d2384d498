"""What presets set: their bases, what is of tasks, and that the docs say the same."""

import re
from pathlib import Path

import pytest

from alignfreeze.config import (
    PUBLISHED_LANGUAGES,
    RunConfig,
    build_config,
    building,
    of_tasks,
    preset_options,
)
from alignfreeze.errors import ConfigError

DOCS = Path(__file__).parents[3] / "docs" / "paper.md"
TASKS = "pos,ner,nli,qa"
XLMR = {"model": "FacebookAI/xlm-roberta-base", "realign_lr": 7.5e-6, "finetune_lr": 7.5e-6}


@pytest.fixture
def presets(tmp_path, monkeypatch):
    """Writes presets, in place of those of the package."""
    monkeypatch.setattr(building, "PRESETS", tmp_path)

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(text, "utf-8")

    return write


def test_a_preset_wins_over_its_bases_and_a_later_base_over_an_earlier(presets):
    presets(
        first="seed: 1\nwarmup: 0.1\nlayer: -1\n",
        second="bases: [first]\nseed: 2\n",
        third="seed: 3\nwarmup: 0.3\n",
        last="bases: [second, third]\nwarmup: 0.4\n",
    )
    assert preset_options("last") == {"seed": 3, "warmup": 0.4, "layer": -1}


def test_an_unknown_base_is_told(presets):
    presets(one="bases: [other]\n")
    with pytest.raises(ConfigError, match="preset must be one of one, got 'other'"):
        preset_options("one")


def test_what_is_said_of_other_tasks_is_left_out():
    values = {
        "task_args": {"qa.stride": 32, "qa": {"n_best": 3}, "ner.other": "O"},
        "eval_max_length": {"qa": 384, "pos": 128},
        "seed": 1,
    }
    assert of_tasks(values, ["pos"]) == {
        "task_args": {},
        "eval_max_length": {"pos": 128},
        "seed": 1,
    }
    assert of_tasks(values, ["qa", "ner"])["task_args"] == values["task_args"]
    assert of_tasks({"eval_max_length": {"all": 9}}, []) == {"eval_max_length": {"all": 9}}


@pytest.mark.parametrize("task", ["pos", "qa", TASKS])
def test_the_tasks_of_a_run_take_their_own_from_a_preset(task):
    config = build_config({"preset": "paper-as-run", "task": task})
    assert set(config.eval_max_length) == set(task.split(","))
    assert bool(config.task_args) == ("qa" in task)


@pytest.mark.parametrize("preset", ["standard", "paper", "paper-as-run"])
def test_xlmr_differs_in_its_rate_and_its_pairs(preset):
    usual, own = preset_options(preset), preset_options(f"{preset}-xlmr")
    pairs = {"pair_limit": 519} if preset == "paper-as-run" else {}
    assert own == usual | XLMR | pairs


def test_paper_realigns_all_alike_and_standard_what_there_is():
    paper, standard = preset_options("paper"), preset_options("standard")
    assert paper == standard | {
        "data": "hub",
        "realign_languages": "published",
        "language_mix": "uniform",
        "layer": -1,
    }
    assert build_config({"preset": "paper"}).realign_languages == PUBLISHED_LANGUAGES
    assert not {"data", "languages", "realign_languages", "language_mix"} & set(standard)


def _rows() -> dict[str, list[str]]:
    """The rows of the comparison of presets in the docs, by their first cell."""
    lines = DOCS.read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| item |"))
    rows = {}
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = cells
    return rows


def _said(cell: str) -> dict[str, object]:
    """The options that a cell of the docs says, each as a run has it."""
    found: dict[str, object] = {}
    for text in re.findall(r"`([^`]*=[^`]*)`", cell):
        name, _, value = text.partition("=")
        if name.startswith("qa."):
            name, value = "task_args", text
        elif name not in RunConfig.model_fields:
            name, value = "aligner_args", text
        made = getattr(build_config({"preset": "paper-as-run", "task": TASKS, name: value}), name)
        found[name] = {**found.get(name, {}), **made} if isinstance(made, dict) else made
    return found


@pytest.mark.parametrize("preset", ["paper", "paper-as-run"])
def test_the_docs_say_what_the_preset_sets(preset):
    config = build_config({"preset": preset, "task": TASKS})
    said: dict[str, object] = {}
    for *_, paper, as_run in _rows().values():
        for name, value in _said(as_run if preset == "paper-as-run" else paper).items():
            said[name] = {**said.get(name, {}), **value} if isinstance(value, dict) else value
    values = config.model_dump()
    assert said == {name: values[name] for name in said}
    own = preset_options(preset).keys() - preset_options("standard").keys() - {"data"}
    if preset == "paper-as-run":  # the docs say of them "the same"
        own -= {"language_mix", "realign_languages"}
    assert own <= said.keys()
