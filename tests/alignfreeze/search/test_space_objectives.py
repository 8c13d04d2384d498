"""Objectives in a search: chosen among, their fields searched, and told from strategies."""

import pytest
from optuna.trial import FixedTrial

from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Choice, Range

OF_NEARBY = {"nearby.pull": Range(0.0, 10.0), "nearby.negatives": Choice(("all", "some"))}
BOTH = ("plain", "nearby")


def of_objectives(space):
    names = ("objective", "nearby.")
    return {name: found for name, found in space.parameters.items() if name.startswith(names)}


def test_objectives_are_searched_where_they_are_named(space_of):
    assert of_objectives(space_of("front")) == {}
    assert of_objectives(space_of("front", objective="nearby")) == {}
    assert of_objectives(space_of("front", objectives=("nearby",))) == OF_NEARBY
    found = of_objectives(space_of("front,back", objectives=BOTH))
    assert found == {"objective": Choice(BOTH), **OF_NEARBY}


def test_a_trial_draws_both_and_what_they_have(space_of):
    space = space_of("front,none", objectives=BOTH)
    of_front = {"strategy": "front", "front.boundary": 3}
    told = {**of_front, "objective": "nearby", "nearby.pull": 2.5, "nearby.negatives": "some"}
    trial = FixedTrial({**told, "temperature": 0.1})
    drawn = space.draw(trial, RunConfig())
    assert (drawn.objective, drawn.objective_args) == ("nearby", {"pull": 2.5, "negatives": "some"})
    assert [*trial.distributions] == [*told, "temperature"]
    trial = FixedTrial({**of_front, "objective": "plain", "temperature": 0.1})
    drawn = space.draw(trial, RunConfig())
    assert (drawn.objective, drawn.objective_args) == ("plain", {})
    # It reads no temperature, so that none is drawn.
    assert [*trial.distributions] == [*of_front, "objective"]
    assert drawn.temperature == RunConfig().temperature


def test_a_temperature_is_searched_for_objectives_that_read_it(space_of, write):
    assert "temperature" in space_of("front", objectives=BOTH).parameters
    assert "temperature" not in space_of("front", objectives=("plain",)).parameters
    assert "temperature" not in space_of("front", objective="plain").parameters
    text = "nearby.pull: 1\nnearby.negatives: all\ntemperature: [0.1, 0.2]\nboundary: 1"
    space = space_of("front", write("space.yaml", text), objectives=BOTH)
    assert space.cells() == [
        {"objective": "plain"},
        *({"objective": "nearby", "temperature": one} for one in (0.1, 0.2)),
    ]
    plain = RunConfig(objective="plain", temperature=0.2)
    assert space.point(plain) == {"objective": "plain"}


def test_what_is_given_of_an_objective_is_not_searched(space_of):
    given = {"objective": "nearby", "objective_args": {"pull": 3.0}}
    space = space_of("front", objectives=("nearby",), **given)
    assert of_objectives(space) == {"nearby.negatives": OF_NEARBY["nearby.negatives"]}
    assert space.pinned == {"nearby.pull": 3.0}
    trial = FixedTrial({"front.boundary": 3, "temperature": 0.1})
    held = space_of("front", **given).draw(trial, RunConfig(**given))
    assert (held.objective, held.objective_args) == ("nearby", {"pull": 3.0})


def test_a_file_names_the_fields_of_objectives(space_of, write):
    file = write("space.yaml", "pull: [1, 4]\nnearby.center: [true, false]\nrealign_when: during")
    space = space_of("front,back", file, objective="nearby")
    expected = {"nearby.pull": Choice((1.0, 4.0)), "nearby.center": Choice((True, False))}
    assert of_objectives(space) == expected
    assert space.pinned == {"realign_when": "during"}


def test_when_to_realign_can_be_searched(space_of, write):
    file = write(
        "space.yaml", "realign_when: [before, during]\nrealign_weight: {low: 0.01, high: 1}"
    )
    found = space_of("front", file).parameters
    assert found["realign_when"] == Choice(("before", "during"))
    assert found["realign_weight"] == Range(0.01, 1)


def test_a_grid_has_the_cells_of_each_objective(space_of, write):
    text = "nearby.pull: [1, 2]\nnearby.negatives: all\ntemperature: 0.1\nboundary: [0, 1]"
    cells = space_of("front", write("space.yaml", text), objectives=BOTH).cells()
    front = [{"front.boundary": boundary} for boundary in (0, 1)]
    objectives = [
        {"objective": "plain"},
        *({"objective": "nearby", "nearby.pull": pull} for pull in (1.0, 2.0)),
    ]
    assert cells == [{**one, **other} for one in front for other in objectives]


def test_the_point_of_a_configuration_is_of_both(space_of):
    space = space_of("front,back", objectives=BOTH)
    config = RunConfig(objective="nearby", objective_args={"negatives": "some"}, temperature=0.2)
    assert space.point(config) == {
        "strategy": "front",
        "objective": "nearby",
        "nearby.pull": 1.0,
        "nearby.negatives": "some",
        "temperature": 0.2,
    }
    assert space_of("front", objectives=("nearby",)).point(RunConfig()) is None


@pytest.mark.parametrize(
    ("options", "text", "complaint"),
    [
        (
            {"objectives": ("front",)},
            "",
            "a strategy and an objective must have different names .* got 'front' for both",
        ),
        ({"objectives": BOTH}, "nearby.pull: 11", "nearby.pull must be <= 10, got 11"),
        ({"objectives": BOTH}, "pull: 1", "no field 'pull' to search; did you mean 'nearby.pull'"),
        (
            {"objective": "plain"},
            "temperature: 0.1",
            "space.yaml: temperature is not read by objective 'plain'$",
        ),
        ({}, "objective: [nearby]", "objective cannot be searched: search_objectives names those"),
        (
            {"objectives": ("nearby",), "objective_args": {"block": 1}},
            "",
            "objective_args must be empty where objective 'contrastive' is not searched",
        ),
        (
            {"objective": "nearby", "objective_args": {"pull": -1}},
            "",
            "objective_args: nearby.pull must be >= 0, got -1",
        ),
        (
            {"strategies": "nearly", "objective": "nearby"},
            "pull: 1",
            "pull must be one of nearly.pull and nearby.pull",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(space_of, write, options, text, complaint):
    file = write("space.yaml", text) if text else None
    with pytest.raises(ConfigError, match=complaint) as caught:
        space_of(file=file, **options)
    assert "\n" not in str(caught.value)
