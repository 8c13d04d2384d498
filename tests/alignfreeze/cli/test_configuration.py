"""The command that tells what a run would be done with."""

import json

import pytest
import yaml

from alignfreeze.cli.main import main
from alignfreeze.config import RunConfig, build_config

OPTIONS = {"preset": "standard", "seed": "3", "strategy_args": "boundary=3,b=x", "task": "pos,qa"}
GIVEN = [f"--{name}={text}" for name, text in OPTIONS.items()]


def test_what_is_printed_makes_the_same_configuration_again(capsys, write):
    main(["config", *GIVEN])
    text = capsys.readouterr().out
    assert list(yaml.safe_load(text)) == list(RunConfig.model_fields)
    again = build_config({"config": str(write("all.yaml", text)), "preset": "demo"})
    assert again == build_config(OPTIONS)


def test_each_value_says_where_it_comes_from(capsys, write):
    file = str(write("some.yaml", "warmup: 0.2\n"))
    main(["config", *GIVEN, "--config", file])
    lines = capsys.readouterr().out.splitlines()
    origins = {line.partition(":")[0]: line.rpartition("  # ")[2] for line in lines}
    assert origins["seed"] == "command line"
    assert origins["warmup"] == f"config {file}"
    assert origins["temperature"] == "preset standard"
    assert origins["layer"] == "default"


@pytest.mark.parametrize("text", ["a\nb", "# no: comment", "a: b, c}", "'", "\u00e9", "yes", "1"])
def test_any_text_stays_what_it_is(capsys, text):
    main(["config", "--model", text])
    assert yaml.safe_load(capsys.readouterr().out)["model"] == text


def test_scripts_get_values_and_origins(capsys):
    main(["config", "--json", *GIVEN])
    options = json.loads(capsys.readouterr().out)["options"]
    assert options["seed"] == {"value": 3, "origin": "command line"}
    assert options["task"] == {"value": ["pos", "qa"], "origin": "command line"}
    assert options["layer"] == {"value": [-1], "origin": "default"}
