"""How a space comes of bounds, of a file, and of what is given."""

import re

import pytest

from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError, PluginError
from alignfreeze.search.parameters import Choice, Range
from alignfreeze.search.space import fields_of
from alignfreeze.search.space_building import build_space

TEMPERATURE = Range(0.02, 1.0, log=True)


def arguments(space, values="searched"):
    """What is searched, or pinned, of each strategy, by field."""
    found = {
        name: fields_of(name, getattr(space, values))
        for models in space.plugins.values()
        for name in models
    }
    return {name: own for name, own in found.items() if own}


def test_by_default_the_boundary_and_the_temperature_are_searched(space_of):
    space = space_of("front")
    assert space.parameters == {"front.boundary": Range(0, 12, 1), "temperature": TEMPERATURE}
    assert (space.boundaries(), space.logarithmic()) == (("front.boundary",), ("temperature",))


def test_no_names_of_strategies_mean_the_one_of_the_configuration():
    found = build_space(RunConfig(strategy="back"), {}, 6).plugins
    assert {option: [*models] for option, models in found.items()} == {
        "strategy": ["back"],
        "objective": ["contrastive"],
    }


def test_a_plugin_of_another_distribution_is_searched_like_any_other(space_of):
    space = space_of("alternate", n_layers=6)
    assert arguments(space) == {"alternate": {"offset": Range(0, 6, 1)}}


def test_given_arguments_are_not_searched(space_of):
    space = space_of("range", strategy_args={"end": 4})
    assert arguments(space) == {"range": {"start": Range(0, 4, 1)}}
    assert arguments(space, "pinned") == {"range": {"end": 4}}


def test_a_range_shrinks_to_what_the_rules_allow(space_of, caplog):
    with caplog.at_level("INFO", logger="alignfreeze.search"):
        found = arguments(space_of("square,apart,asawhole,sameparity", n_layers=6))
    assert found == {
        "square": {"low": Range(1, 7, 2), "square": Range(1, 25, 1)},
        "apart": {"first": Range(0, 5, 1), "second": Range(1, 6, 1)},
        "asawhole": {"low": Range(0, 4, 1), "high": Range(2, 6, 1)},
        "sameparity": {"a": Range(0, 6, 1), "b": Range(0, 6, 1)},
    }
    assert caplog.messages[:2] == [
        "square.low: 4 of 9 values fit its rules",
        "square.square: 5 of 31 values fit its rules",
    ]


def test_a_file_overrides_and_adds(space_of, write):
    text = """
        temperature: 0.2
        boundary: {low: 2, high: 6, step: 2}
        finetune_steps: {low: 7, high: 7}
        layer: [-1, [-3, 4]]
        aligner_args: [{a: 1}, "b=2"]
    """
    space = space_of("front", write("space.yaml", text))
    assert fields_of("", space.pinned) == {"temperature": 0.2, "finetune_steps": 7}
    assert space.parameters == {
        "front.boundary": Range(2, 6, 2),
        "layer": Choice(("-1", "-3,4")),
        "aligner_args": Choice(('{"a": 1}', '{"b": 2}')),
    }


def test_the_file_wins_over_given_arguments(space_of, write):
    file = write("space.yaml", "front.boundary: {low: 1, high: 3}")
    space = space_of("front", file, strategy_args={"boundary": 9, "embeddings": True})
    assert arguments(space) == {"front": {"boundary": Range(1, 3, 1)}}
    assert arguments(space, "pinned") == {"front": {"embeddings": True}}


def test_what_the_file_pins_limits_the_rest(space_of, write):
    file = write("space.yaml", "range.start: 4\ngaps.b: 5\nfront.embeddings: true")
    space = space_of("range,gaps,front", file)
    assert arguments(space)["range"] == {"end": Range(4, 12, 1)}
    assert arguments(space)["gaps"] == {"a": Range(1, 3, 2)}
    assert arguments(space, "pinned")["front"] == {"embeddings": True}


def test_a_default_is_no_rule_for_what_the_file_says(space_of, write):
    file = write("space.yaml", "apart.second: {low: 3, high: 4}")
    assert arguments(space_of("apart", file))["apart"] == {
        "first": Range(0, 3, 1),
        "second": Range(3, 4, 1),
    }


@pytest.mark.parametrize(
    ("strategy", "text", "message"),
    [
        ("front", "boundary: 3\ntemperature: 0.1",
         "{file}: must leave something to search, but everything is given"),
        ("range", "range.end: 6\nrange.start: {low: 0, high: 12}",
         "{file}: range.end must be >= start, which is 12, got 6"),
        ("range", "range.start: 5\nrange.end: 4",
         "strategy 'range': end must be >= start, which is 5, got 4"),
        ("asawhole", "asawhole.low: 12", "{file}: strategy 'asawhole' must have values that go "
         "together, but none go with low=12"),
    ],
)  # fmt: skip
def test_a_file_that_leaves_nothing_is_refused(space_of, write, strategy, text, message):
    file = write("space.yaml", text)
    with pytest.raises(ConfigError, match=f"^{re.escape(message.format(file=file))}$"):
        space_of(strategy, file)


@pytest.mark.parametrize(
    ("strategies", "options", "message"),
    [
        ("front,baseline", {}, "strategy 'baseline' must realign to be searched, but does not"),
        ("none,back", {"strategy": "front", "strategy_args": {"boundary": 3}},
         "strategy_args must be empty where strategy 'front' is not searched, "
         "got {'boundary': 3}"),
        ("front", {"strategy_args": {"boundary": 20}},
         "strategy_args: front.boundary must be <= 12, the encoder's layers, got 20"),
        ("front", {"strategy_args": {"boundary": -1}},
         "strategy_args: front.boundary must be >= 0, got -1"),
        ("front", {"strategy_args": {"bondary": 1}},
         "strategy_args: front.bondary is not a known field; known: boundary, embeddings"),
        ("late", {"strategy_args": {"pace": 0.2, "count": 3}},
         "strategy 'late': count must fit, got 3"),
        ("range", {"strategy_args": {"start": 1, "end": 0}},
         "strategy 'range': end must be >= start, which is 1, got 0"),
        ("asawhole", {"strategy_args": {"low": 11}}, "strategy_args: strategy 'asawhole' must "
         "have values that go together, but none go with low=11"),
        ("toohigh", {}, "toohigh.layer must have a value to search, but none is from 20 to 12, "
         "the encoder's layers"),
        ("required", {}, "required.name must be given, in strategy_args or a space file, for it "
         "has neither a default nor two bounds"),
        ("impossible", {}, "strategy 'impossible' must have values that go together, "
         "but none go with its rules"),
    ],
)  # fmt: skip
def test_strategies_that_cannot_be_searched_are_refused(space_of, strategies, options, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        space_of(strategies, **options)


def test_an_unknown_strategy_is_named(space_of):
    with pytest.raises(PluginError, match="no strategy 'frnt'; did you mean 'front'"):
        space_of("front,frnt")


def test_a_time_at_which_a_strategy_cannot_realign_is_told_before_any_trial(write):
    times = write("space.yaml", "realign_when: [before, during]").read_text("utf-8")
    config, names = RunConfig(), {"strategy": ("front", "revert")}
    said = "realign_when must be before or after with strategy 'revert', which puts .*, got during"
    with pytest.raises(ConfigError, match=rf"^space\.yaml: {said}"):
        build_space(config, names, 12, times, "space.yaml")
    with pytest.raises(ConfigError, match=f"^{said}"):
        build_space(config.model_copy(update={"realign_when": "during"}), names, 12)
    assert build_space(config, names, 12)
    assert build_space(config, {"strategy": ("front", "gradual")}, 12, times, "space.yaml")
