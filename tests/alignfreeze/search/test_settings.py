"""What a search is asked for: rules, their messages, and which options are whose."""

import re

import pytest
from pydantic import ValidationError

from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError
from alignfreeze.search.settings import SearchConfig, build_search

OBJECTIVES = "objectives must be mean, worst, mean,harmed or worst,harmed"


def settings_of(**options: str) -> SearchConfig:
    return build_search(options)[1]


# What is built


def test_options_go_to_the_model_that_knows_them():
    config, settings = build_search({"temperature": "0.2", "trials": "7", "languages": "de,fr"})
    assert (config.temperature, config.languages, settings.trials) == (0.2, ("de", "fr"), 7)


def test_without_options_everything_is_as_by_default():
    config, settings = build_search({})
    assert settings == SearchConfig()
    assert config.seed == settings.search_seeds[0]


@pytest.mark.parametrize("name", SearchConfig.model_fields)
def test_an_empty_text_is_not_given(name):
    assert settings_of(**{name: ""}) == SearchConfig()


def test_the_models_share_no_option():
    assert not SearchConfig.model_fields.keys() & RunConfig.model_fields.keys()


@pytest.mark.parametrize("name", SearchConfig.model_fields)
def test_every_option_has_a_help_text(name):
    assert SearchConfig.model_fields[name].description


def test_the_seed_of_the_runs_is_the_first_of_a_trial():
    config, settings = build_search({"search_seeds": "42,31"})
    assert settings.search_seeds == (42, 31)
    assert config.seed == 42


def test_what_a_file_compares_and_takes_from_elsewhere_is_left_out(write):
    path = write("run.yaml", "compare: [baseline]\nencoder: folder\nseed: 9\ntemperature: 0.3\n")
    config, _ = build_search({"config": str(path)})
    assert (config.compare, config.encoder, config.seed) == ((), "", 31)
    assert config.temperature == 0.3


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        SearchConfig().trials = 3


# Options that hold commas


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("objectives", "mean,harmed", ("mean", "harmed")),
        ("objectives", " worst , harmed,", ("worst", "harmed")),
        ("search_strategies", "front,back", ("front", "back")),
        ("references", "none, front , back", ("none", "front", "back")),
        ("references", ",", ()),
        ("search_seeds", "31, 42", (31, 42)),
        ("final_seeds", f"0,{2**32 - 1}", (0, 2**32 - 1)),
        ("weights", "de=2, fr=0.5", {"de": 2.0, "fr": 0.5}),
        ("weights", "no=2,on=1", {"no": 2.0, "on": 1.0}),  # YAML would call them false and true
        ("weights", '{"de": 2, "fr": 0.5}', {"de": 2.0, "fr": 0.5}),
        ("launcher_args", "partition=gpu,gpus=2", {"partition": "gpu", "gpus": 2}),
        ("launcher_args", '{"partition": "long,short"}', {"partition": "long,short"}),
        ("storage", "sqlite:////a,b/c=d.db", "sqlite:////a,b/c=d.db"),
        ("space", "a,b.yaml", "a,b.yaml"),
        ("study", "a,b", "a,b"),
        ("minutes", "0.5", 0.5),
    ],
)
def test_text_becomes_values(name, text, value):
    launcher = {"launcher": "ray"} if name == "launcher_args" else {}
    assert getattr(settings_of(**{name: text}, **launcher), name) == value


# Rules


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": "0"}, "trials must be > 0, got '0'"),
        ({"trials": "some"}, "trials must be a valid integer, .*, got 'some'"),
        ({"minutes": "0"}, "minutes must be > 0, got '0'"),
        ({"minutes": "inf"}, "minutes must be a finite number, got 'inf'"),
        ({"minutes": "nan"}, "minutes must be a finite number, got 'nan'"),
        ({"search_strategies": "front,back,front"},
         "search_strategies must not name anything twice: front, got 'front,back,front'"),
        ({"references": "none,none"},
         "references must not name anything twice: none, got 'none,none'"),
        ({"search_seeds": "31,42,31"},
         "search_seeds must not name anything twice: 31, got '31,42,31'"),
        ({"final_seeds": "31,031"}, "final_seeds must not name anything twice: 31, got '31,031'"),
        ({"search_seeds": ","}, "search_seeds must have at least 1 item .*, got .*"),
        ({"final_seeds": ","}, "final_seeds must have at least 1 item .*, got .*"),
        ({"search_seeds": "-1"}, "search_seeds.0 must be >= 0, got '-1'.*"),
        ({"final_seeds": f"31,{2**32}"}, f"final_seeds.1 must be < {2**32}, got '{2**32}'.*"),
        ({"finalists": "0"}, "finalists must be > 0, got '0'"),
        ({"sampler": "cmaes"}, "sampler must be 'tpe', 'random' or 'grid', got 'cmaes'"),
        ({"pruner": "no"}, "pruner must be 'auto', 'median', 'hyperband' or 'none', got 'no'"),
        ({"reports": "-1"}, "reports must be >= 0, got '-1'"),
        ({"report_rows": "0"}, "report_rows must be > 0, got '0'"),
        ({"workers": "0"}, "workers must be > 0, got '0'"),
        ({"launcher": "slurm"}, "launcher must be 'local', 'submitit' or 'ray', got 'slurm'"),
        ({"launcher_args": "gpus"},
         "launcher_args must be name=value,… or a JSON object, got 'gpus'"),
        ({"launcher_args": "gpus=[0,1"},
         "launcher_args must be name=value,… or a JSON object .line 1, .*, got .*"),
        ({"heartbeat": "0"}, "heartbeat must be > 0, got '0'"),
        ({"weights": "de"}, "weights must be name=value,… or a JSON object, got 'de'"),
        ({"weights": "{de"}, "weights must be name=value,… or a JSON object .*, got '{de'"),
        ({"weights": "de=much"}, "weights.de must be a valid number, .*, got 'much'"),
        ({"weights": "fr=1,de=0"}, "weights.de must be > 0, got 0"),
        ({"weights": "de=.inf"}, "weights.de must be a finite number, got inf"),
        ({"trials": "0", "workers": "0"},
         "workers must be > 0, got '0'; trials must be > 0, got '0'"),
        ({"temperature": "0"}, "temperature must be >= 0.0001, got '0'"),
        ({"trails": "5"}, r"trails is not a known option; did you mean 'trials'\?"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_one_line_with_the_value(options, message):
    with pytest.raises(ConfigError, match=f"^{message}$") as raised:
        build_search(options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "objectives", ["harmed", "harmed,mean", "mean,worst", "best", "mean,harmed,worst", ","]
)
def test_objectives_are_one_aggregate_and_perhaps_harmed(objectives):
    got = ",".join(part for part in objectives.split(",") if part)
    with pytest.raises(ConfigError, match=re.escape(f"{OBJECTIVES}, got {got!r}")):
        build_search({"objectives": objectives})


def test_an_objective_is_named_once():
    with pytest.raises(ConfigError, match="objectives must not name anything twice: mean"):
        build_search({"objectives": "mean,mean"})


@pytest.mark.parametrize("objectives", ["mean", "worst", "mean,harmed", "worst,harmed"])
def test_these_objectives_there_are(objectives):
    assert ",".join(settings_of(objectives=objectives).objectives) == objectives


@pytest.mark.parametrize("objectives", ["worst", "worst,harmed"])
def test_the_worst_has_no_weights(objectives):
    with pytest.raises(ConfigError, match="weights must be empty with objectives=worst"):
        build_search({"objectives": objectives, "weights": "de=2"})


def test_a_mean_beside_harmed_has_weights():
    settings = settings_of(objectives="mean,harmed", weights="de=2")
    assert settings.weights == {"de": 2.0}


def test_harmed_needs_a_deviation():
    with pytest.raises(ConfigError, match=r"final_seeds must be two or more .* got 23$"):
        build_search({"objectives": "mean,harmed", "final_seeds": "23"})
    assert settings_of(objectives="mean,harmed", final_seeds="23,17").final_seeds == (23, 17)
    assert settings_of(objectives="mean", final_seeds="23").final_seeds == (23,)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_two_objectives_cannot_be_pruned(pruner):
    with pytest.raises(ConfigError, match=f"pruner must be none .* got '{pruner}'$"):
        build_search({"objectives": "worst,harmed", "pruner": pruner})
    assert settings_of(objectives="worst", pruner=pruner).chosen_pruner == pruner


@pytest.mark.parametrize(
    ("objectives", "pruner", "chosen"),
    [
        ("mean", "auto", "median"),
        ("worst", "auto", "median"),
        ("mean", "none", "none"),
        ("mean,harmed", "auto", "none"),
        ("mean,harmed", "none", "none"),
    ],
)
def test_the_pruner_that_auto_is(objectives, pruner, chosen):
    assert settings_of(objectives=objectives, pruner=pruner).chosen_pruner == chosen


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"task": "pos,ner"}, "2 x 1"),
        ({"search_seeds": "31,42,66"}, "1 x 3"),
        ({"task": "pos,ner", "search_seeds": "31,42", "reports": "0"}, "2 x 2"),
    ],
)
def test_hyperband_is_of_one_task_and_seed(options, got):
    """It would stop none in what comes later; see the tests of its halvings."""
    message = (
        "pruner must be median or none with several tasks or search_seeds, the later of which "
        f"hyperband does not reach, got 'hyperband' with {got}"
    )
    with pytest.raises(ConfigError, match=f"^{message}$"):
        build_search({**options, "pruner": "hyperband"})
    assert settings_of(**options).chosen_pruner == "median"
    assert settings_of(pruner="hyperband").chosen_pruner == "hyperband"
