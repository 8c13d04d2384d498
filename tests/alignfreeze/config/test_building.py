import json

import pytest
import yaml

from alignfreeze.config import (
    RunConfig,
    build_config,
    is_repeated,
    naming_origins,
    preset_names,
    sourced_options,
)
from alignfreeze.errors import ConfigError

PAPER = {"data": "folder"}
"""Options that make ``paper`` the preset, whatever the demo's holds."""


@pytest.fixture
def file(tmp_path):
    """Writes a configuration file and returns its path as text."""

    def write_file(content) -> str:
        path = tmp_path / "run.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), "utf-8")
        return str(path)

    return write_file


# Precedence


def test_the_preset_wins_over_the_defaults():
    config = build_config({**PAPER, "preset": "paper-xlmr"})
    assert config.model == "FacebookAI/xlm-roberta-base"
    assert config.realign_lr == 7.5e-6 != RunConfig().realign_lr


def test_the_file_wins_over_the_preset(file):
    config = build_config({"preset": "standard", "config": file({"model": "mine", "warmup": 0.2})})
    assert (config.model, config.warmup) == ("mine", 0.2)


def test_what_is_given_wins_over_the_file(file):
    path = file({"model": "mine", "seed": 7})
    config = build_config({**PAPER, "config": path, "model": "given"})
    assert (config.model, config.seed) == ("given", 7)


def test_an_empty_text_is_not_given(file):
    config = build_config({**PAPER, "config": file({"model": "mine"}), "model": "", "preset": ""})
    assert config.model == "mine"


def test_the_file_may_name_the_preset(file):
    path = file({"preset": "paper-xlmr", "data": "folder"})
    assert build_config({"config": path}).realign_lr == 7.5e-6
    assert build_config({"config": path, "preset": "standard"}).realign_lr == 2e-5


@pytest.mark.parametrize("data", ["folder", "~/suite", "hub"])
def test_other_data_than_the_demo_takes_the_paper_preset(data, file):
    assert build_config({"data": data}).model == "bert-base-multilingual-cased"
    assert build_config({"config": file({"data": data})}).model == "bert-base-multilingual-cased"


@pytest.mark.parametrize("options", [{"model": "mine"}, {"data": "demo", "model": "mine"}])
def test_another_model_than_the_demo_takes_the_paper_preset(options):
    assert build_config(options) == build_config({"preset": "standard", **options})


@pytest.mark.skipif("demo" not in preset_names(), reason="no demo preset")
def test_the_demo_takes_the_demo_preset():
    assert build_config({}) == build_config({"preset": "demo"}) == build_config({"data": "demo"})


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid(name):
    assert isinstance(build_config({"preset": name}), RunConfig)


def test_the_paper_is_among_the_presets():
    assert {"paper", "paper-xlmr"} <= set(preset_names())


# Values as text


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("data", "some folder", "some folder"),
        ("task", "pos", ("pos",)),
        ("task", "pos, ner,", ("pos", "ner")),
        ("languages", "no,zh-tw", ("no", "zh-tw")),
        ("layer", "-1", (-1,)),
        ("layer", " 3, -2 ", (3, -2)),
        ("strategy_args", "boundary=3", {"boundary": 3}),
        ("strategy_args", "boundary = 3, embeddings=true", {"boundary": 3, "embeddings": True}),
        ("strategy_args", "a=1e-3,b=x=y,c=", {"a": "1e-3", "b": "x=y", "c": None}),
        ("strategy_args", '{"cuts": [1, 2], "on": false}', {"cuts": [1, 2], "on": False}),
        ("strategy_args", "{}", {}),
        ("strategy_args", "cuts=[1,2],on=yes,", {"cuts": [1, 2], "on": True}),
        ("aligner_args", "minimum=0.5", {"minimum": 0.5}),
        ("temperature", "0.05", 0.05),
        ("realign_lr", "1e-4", 1e-4),
        ("realign_steps", "20", 20),
        ("projection", "0", 0),
        ("warmup", "0", 0.0),
        ("finetune_epochs", "2", 2.0),
        ("task_args", "qa.stride=64,qa.n_best=5", {"qa.stride": 64, "qa.n_best": 5}),
        (
            "task_args",
            "ner.labels=PER, ORG,MISC, ner.other=O,qa.stride=3",
            {"ner.labels": "PER, ORG,MISC", "ner.other": "O", "qa.stride": 3},
        ),
        ("task_args", '{"qa": {"stride": 64}}', {"qa": {"stride": 64}}),
        ("pair_limit", "1000", 1000),
        ("pair_max_ratio", "1.5", 1.5),
        ("pair_duplicates", "keep", "keep"),
        ("pair_quality", "0.25", 0.25),
        ("alignment_pairs", "100", 100),
        ("language_mix", "uniform", "uniform"),
        ("precision", "bf16", "bf16"),
        *(("resume", text, True) for text in ("true", "True", "1", "yes", "on")),
        *(("reuse", text, False) for text in ("false", "False", "0", "no", "off")),
    ],
)
def test_text_is_parsed(name, text, value):
    found = getattr(build_config({**PAPER, name: text}), name)
    assert found == value
    assert type(found) is type(value)


def test_null_in_a_file_is_none(file):
    path = file("data: folder\nrealign_steps: null\nfinetune_steps: ~\n")
    config = build_config({"config": path})
    assert (config.realign_steps, config.finetune_steps) == (None, None)


def test_lists_and_mappings_in_a_file_are_taken_as_they_are(file):
    path = file("data: folder\nlanguages: [de, 'no']\nlayer: [0, -1]\nstrategy_args: {boundary: 2}")
    config = build_config({"config": path})
    assert config.languages == ("de", "no")
    assert config.layer == (0, -1)
    assert config.strategy_args == {"boundary": 2}


def test_options_of_several_values_are_known():
    repeated = {name for name in RunConfig.model_fields if is_repeated(name)}
    assert repeated == {"task", "compare", "languages", "realign_languages", "layer"}


def test_a_configuration_cannot_change():
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().seed = 1


def test_every_option_has_a_description():
    assert all(field.description for field in RunConfig.model_fields.values())


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": "0"}, "temperature must be >= 0.0001, got '0'"),
        ({"warmup": "1"}, "warmup must be < 1, got '1'"),
        ({"warmup": "-0.1"}, "warmup must be >= 0, got '-0.1'"),
        ({"max_length": "7"}, "max_length must be >= 8, got '7'"),
        ({"seed": "-1"}, "seed must be >= 0, got '-1'"),
        ({"pair_limit": "0"}, "pair_limit must be > 0, got '0'"),
        ({"pair_max_words": "-1"}, "pair_max_words must be >= 0, got '-1'"),
        ({"pair_max_ratio": "0.5"}, "pair_max_ratio must be 0 or >= 1, got '0.5'"),
        ({"pair_quality": "1"}, "pair_quality must be < 1, got '1'"),
        ({"pair_quality": "-0.1"}, "pair_quality must be >= 0, got '-0.1'"),
        ({"pair_duplicates": "no"}, "pair_duplicates must be 'drop' or 'keep', got 'no'"),
        (
            {"seed": "x"},
            "seed must be a valid integer, unable to parse string as an integer, got 'x'",
        ),
        ({"temperature": "nan"}, "temperature must be a finite number, got 'nan'"),
        ({"realign_lr": "inf"}, "realign_lr must be a finite number, got 'inf'"),
        ({"precision": "fp16"}, "precision must be 'auto', 'bf16' or 'fp32', got 'fp16'"),
        (
            {"layer": "-1,last"},
            "layer.1 must be a valid integer, unable to parse string as an integer, got 'last'",
        ),
        (
            {"resume": "maybe"},
            "resume must be a valid boolean, unable to interpret input, got 'maybe'",
        ),
        (
            {"strategy_args": "boundary"},
            "strategy_args must be name=value,… or a JSON object, got 'boundary'",
        ),
        ({"strategy_args": "=3"}, "strategy_args must be name=value,… or a JSON object, got '=3'"),
        (
            {"task_args": "qa.stride=1,qa.stride=2"},
            "task_args must not name anything twice: qa.stride, got 'qa.stride=1,qa.stride=2'",
        ),
        (
            {"strategy_args": "cuts=[1"},
            "strategy_args must be name=value,… or a JSON object (line 1, column 3: while parsing "
            "a flow sequence, expected ',' or ']', but "
            "got '<stream end>'), got 'cuts=[1'",
        ),
    ],
)
def test_an_error_says_the_rule_and_the_value(options, message):
    with pytest.raises(ConfigError, match="got") as caught:
        build_config({**PAPER, **options})
    assert str(caught.value) == message


def test_what_is_held_out_must_not_occur_twice():
    with pytest.raises(ConfigError, match="alignment_pairs must be 0 with pair_duplicates 'keep'"):
        build_config({**PAPER, "alignment_pairs": "10", "pair_duplicates": "keep"})


@pytest.mark.parametrize("options", [{"task": ","}, {"layer": " , "}])
def test_a_list_must_not_be_empty(options):
    (name,) = options
    with pytest.raises(ConfigError, match=rf"^{name} must have at least 1 item"):
        build_config({**PAPER, **options})


def test_json_that_is_broken_says_so():
    with pytest.raises(ConfigError, match=r"^strategy_args must be .* JSON object \(.*\), got '{"):
        build_config({**PAPER, "strategy_args": '{"a": 1'})


def test_an_unknown_option_says_which_is_meant_or_lists_the_known_ones():
    with pytest.raises(
        ConfigError, match=r"^temprature is not a known option; did you mean 'temperature'\?$"
    ):
        build_config({**PAPER, "temprature": "1"})
    with pytest.raises(ConfigError, match=r"^nonsense is not a known option; known: data, model"):
        build_config({**PAPER, "nonsense": "1"})


def test_a_wrong_value_says_where_it_comes_from_unless_it_is_given(file):
    path = file({"max_length": 2, "seed": 3})
    with pytest.raises(
        ConfigError, match=r"^max_length must be >= 8, got 2 \(from config .*yaml\)$"
    ):
        build_config({"config": path})
    with pytest.raises(ConfigError, match=r"^max_length must be >= 8, got '3'$"):
        build_config({"config": path, "max_length": "3"})
    with pytest.raises(ConfigError, match=r"^oops is not a known option.* \(from config .*yaml\)$"):
        build_config({"config": file({"oops": 1})})


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("max_length", {"preset": "demo"}, r" \(from preset demo\)"),
        ("max_length", {"preset": "standard"}, r" \(the default\)"),
        ("max_length", {"preset": "demo", "max_length": "16"}, ""),
        ("seed", {}, r" \(the default\)"),
        ("model.folder", {}, ""),
    ],
)
def test_what_turns_out_to_be_wrong_says_where_it_comes_from(name, options, said):
    with (
        pytest.raises(ConfigError, match=f"^{name} must be <= 4, got 5{said}$"),
        naming_origins(options),
    ):
        raise ConfigError(f"{name} must be <= 4, got 5")


def test_where_each_value_comes_from(file):
    path = file({"warmup": 0.2, "seed": 3})
    found = sourced_options({"preset": "standard", "config": path, "seed": "4", "model": ""})
    assert found["seed"] == ("4", "command line")
    assert found["warmup"] == (0.2, f"config {path}")
    assert found["temperature"] == (0.1, "preset standard")
    assert "layer" not in found


def test_several_errors_are_one_line():
    with pytest.raises(
        ConfigError, match=r"^temperature must be >= 0.0001, got '0'; seed must"
    ) as caught:
        build_config({**PAPER, "temperature": "0", "seed": "-1"})
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"standard-xlmr, got 'papers'; did you mean 'paper'\?$"):
        build_config({"preset": "papers"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1\nb: 2", r"run.yaml cannot be read as YAML: line 2, column 2: while parsing .*$"),
        ("", r"run.yaml must hold option: value lines$"),
        ("- a\n- b\n", r"run.yaml must hold option: value lines$"),
        ("text", r"run.yaml must hold option: value lines$"),
    ],
)
def test_a_file_that_is_no_mapping(file, content, message):
    with pytest.raises(ConfigError, match=f"^config: .*{message}") as caught:
        build_config({"config": file(content)})
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_bytes(b"model: \xff\n")
    with pytest.raises(ConfigError, match=r"run.yaml cannot be read as YAML: line 1, .*UTF-8$"):
        build_config({"config": str(path)})


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"^config: cannot read .*none.yaml: No such file"):
        build_config({"config": str(tmp_path / "none.yaml")})


def test_an_unquoted_no_in_a_file_is_an_error(file):
    with pytest.raises(ConfigError, match=r"languages.1 must be a valid string, got False"):
        build_config({"config": file("data: folder\nlanguages: [de, no]\n")})


def test_a_file_may_not_name_another_file(file):
    with pytest.raises(ConfigError, match=r"^config is not a known option"):
        build_config({"config": file({"config": "other.yaml"})})


# Round trip


@pytest.mark.parametrize(
    "options",
    [
        PAPER,
        {"preset": "standard"},
        {
            **PAPER,
            "languages": "no,de",
            "layer": "-2,3",
            "strategy_args": json.dumps({"boundary": 3, "cuts": [1, 2], "note": "no"}),
            "realign_steps": "7",
            "temperature": "0.07",
            "realign_lr": "7.5e-6",
            "resume": "true",
            "precision": "fp32",
            "encoder": "~/é",
        },
    ],
)
def test_a_dump_rebuilds_the_configuration(options, file):
    config = build_config(options)
    path = file(yaml.safe_dump(config.model_dump(mode="json")))
    assert build_config({"config": path}) == config
