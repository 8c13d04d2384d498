"""What a space file may say, and what is said of one that cannot be."""

import re

import pytest

from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Choice, Range
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.space import with_values
from alignfreeze.search.space_file import UNSEARCHABLE, read_parameters, space_text
from alignfreeze_strategies.back import BackFreezing
from alignfreeze_strategies.front import FrontFreezing

MODELS = {"front": FrontFreezing, "back": BackFreezing}

EVERYTHING = """
    temperature: 0.2
    boundary: {low: 2, high: 6, step: 2}
    front.embeddings: [true, false]
    realign_lr: {low: 1e-6, high: 1e-4, log: true}
    finetune_lr: [1e-5, '2e-5']
    realign_steps: {low: 100, high: 200, step: 50}
    finetune_steps: {low: 7, high: 7}
    projection: [0, '128']
    layer: [-1, "-1,-2", [-3, 4]]
    realign_languages: ["de, fr", [de], []]
    pair_limit: [null, 500]
    aligner_args: [{a: 1}, "b=2"]
    pair_duplicates: [drop, keep]
    aligner: [auto, mutual]
"""


def read(file, *strategies):
    models = {name: MODELS[name] for name in strategies or ("front",)}
    text = file.read_text("utf-8")
    return read_parameters(text, str(file), RunConfig(strategy="front"), {"strategy": models}, 12)


def test_each_name_has_a_range_a_choice_or_a_value(write):
    found = read(write("space.yaml", EVERYTHING))
    assert found == {
        "temperature": Choice((0.2,)),
        "front.boundary": Range(2, 6, 2),
        "front.embeddings": Choice((True, False)),
        "realign_lr": Range(1e-6, 1e-4, log=True),
        "finetune_lr": Choice((1e-5, 2e-5)),
        "realign_steps": Range(100, 200, 50),
        "finetune_steps": Choice((7,)),
        "projection": Choice((0, 128)),
        "layer": Choice(("-1", "-1,-2", "-3,4")),
        "realign_languages": Choice(("de,fr", "de", "")),
        "pair_limit": Choice((None, 500)),
        "aligner_args": Choice(('{"a": 1}', '{"b": 2}')),
        "pair_duplicates": Choice(("drop", "keep")),
        "aligner": Choice(("auto", "mutual")),
    }
    for name, parameter in found.items():  # what a study holds is what a configuration reads
        for value in parameter.values or () if "." not in name else ():
            with_values(RunConfig(), {name: value})


KNOWN_FIELDS = ", ".join(name for name in RunConfig.model_fields if name not in UNSEARCHABLE)

REFUSALS = {
    "front.boundary: 20": "front.boundary must be <= 12, the encoder's layers, got 20",
    "front.boundary: '20'": "front.boundary must be <= 12, the encoder's layers, got 20",
    "boundary: {low: -1, high: 3}": "front.boundary must be >= 0, got -1",
    "boundary: [1, 1.5]": "front.boundary must be a valid integer, got a number with a "
    "fractional part, got 1.5",
    "boundary: [1, true]": "front.boundary must be a number, got True",
    "boundary: [[1, 2]]": "front.boundary must be a number, a text, true, false or null, "
    "got [1, 2]",
    "boundary: {low: null, high: 3}": "front.boundary must have a number as low, got None",
    "front.embeddings: [true, maybe]": "front.embeddings must be a valid boolean, unable to "
    "interpret input, got 'maybe'",
    "front.embeddings: {low: 0, high: 1}": "front.embeddings must be a value or a list of values, "
    "for it is no number, got {'low': 0, 'high': 1}",
    "front.boundary: 1\nboundary: 2": "front.boundary must not be named twice, got boundary too",
    "temperature: {low: 0, high: 1}": "temperature must be >= 0.0001, got 0.0",
    "temperature: [0.1, .inf]": "temperature must be finite, got inf",
    "temperature: {low: 1, high: 0.5}": "temperature must have low <= high, got 1.0 and 0.5",
    "temperature: {low: 0.1}": "temperature must have low and high, and may have log or step, "
    "got low",
    "temperature: {}": "temperature must have low and high, and may have log or step, got nothing",
    "temperature: {low: 0.1, high: 1, base: 2}": "temperature must have low and high, and may "
    "have log or step, got low, high, base",
    "temperature: {low: 0.1, high: 1, log: 2}": "temperature must have log true or false, got 2",
    "temperature: {low: 0.1, high: 0.3, step: 0.1, log: true}": "temperature must have log or "
    "step, not both, got step 0.1",
    "temperature: {low: 0.1, high: 0.3, step: 0}": "temperature must have a number > 0 as step, "
    "got 0",
    "temperature: {low: 0.1, high: 0.4, step: 0.2}": "temperature must have a step that leads "
    "from low to high, from 0.1 to 0.4, got 0.2",
    "projection: {low: 0, high: 8, step: 1.5}": "projection must have an integer > 0 as step, "
    "got 1.5",
    "projection: {low: 0, high: 8, log: true}": "projection must have low > 0 with log, got 0",
    "projection: []": "projection must have a value to choose, got []",
    "projection: [64, 64]": "projection must not name a value twice, got 64",
    "projection: [wide]": "projection must be a valid integer, unable to parse string as an "
    "integer, got 'wide'",
    "projection: [-64]": "projection must be >= 0, got -64",
    "layer: [0, 12]": "layer must be in [-12, 11], got 12",
    "layer: ['-1,11']": "layer must not name a layer twice, got -1,11",
    "layer: {low: 0, high: 3}": "layer must be a value or a list of values, for it is no number, "
    "got {'low': 0, 'high': 3}",
    "realign_languages: [no, de]": "realign_languages must not be true or false "
    "(YAML: 'no' needs quotes)",
    "language_mix: [even]": "language_mix must be 'proportional' or 'uniform', got 'even'",
    "seed: [1, 2]": "seed cannot be searched: it changes what is measured",
    "reuse: false": "reuse cannot be searched: no score depends on it",
    "strategy: [front, back]": "strategy cannot be searched: search_strategies names those to "
    "choose among",
    "strategy_args: boundary=1": "strategy_args cannot be searched: each of its fields has a name "
    "of its own, such as front.boundary",
    "temprature: 1": "no field 'temprature' to search; did you mean 'temperature'? known: "
    f"front.boundary, front.embeddings, {KNOWN_FIELDS}",
    "zzz: 1": "no field 'zzz' to search; known: front.boundary, front.embeddings, "
    f"{KNOWN_FIELDS}",
    "back.boundary: 1": "no field 'back.boundary' to search; did you mean 'front.boundary'? "
    f"known: front.boundary, front.embeddings, {KNOWN_FIELDS}",
    "": "must hold name: value lines",
    "- temperature": "must hold name: value lines",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSALS)
def test_a_file_that_cannot_be_is_refused_in_one_line(write, text):
    file = write("space.yaml", text)
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{file}: {REFUSALS[text]}')}$"):
        read(file)


def test_what_changes_the_measure_is_not_searched(write):
    for name in ("model", "task", "languages", "alignment_pairs", "encoder", "precision"):
        with pytest.raises(ConfigError, match=f"{name} cannot be searched: it changes what is"):
            read(write("space.yaml", f"{name}: [1, 2]"))


def test_an_unknown_aligner_is_refused(write):
    file = write("space.yaml", "aligner: [mutual, mutul]")
    with pytest.raises(ConfigError, match="aligner: no aligner 'mutul'; did you mean 'mutual'"):
        read(file)


def test_a_bare_name_needs_a_single_strategy(write):
    file = write("space.yaml", "boundary: 1")
    message = "no field 'boundary' to search; did you mean .*'front.boundary'"
    with pytest.raises(ConfigError, match=message):
        read(file, "front", "back")


def test_a_file_that_is_not_yaml_is_refused(write):
    file = write("broken.yaml", "a: [1")
    with pytest.raises(
        ConfigError, match=rf"^{re.escape(str(file))}: cannot be read as YAML: [^\n]+$"
    ):
        read(file)


def test_no_space_file_has_no_text():
    assert space_text(SearchConfig()) == ""


def test_a_space_file_in_the_home_folder_is_read(tmp_path, monkeypatch, write):
    monkeypatch.setenv("HOME", str(tmp_path))
    write("space.yaml", "größe: 1\n")
    assert space_text(SearchConfig(space="~/space.yaml")) == "größe: 1\n"


def test_a_space_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "space.yaml"
    settings = SearchConfig(space=str(path))
    with pytest.raises(ConfigError, match=f"^space: cannot read {path}: No such file"):
        space_text(settings)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(
        ConfigError, match=f"^space: cannot read {path}: line 1, column 1: must be UTF-8$"
    ):
        space_text(settings)
