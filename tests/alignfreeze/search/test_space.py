"""The configurations that a search chooses among, and what a trial draws of them."""

import json

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.config import RunConfig
from alignfreeze.contracts.registry import STRATEGY, create_plugin
from alignfreeze.errors import ConfigError
from alignfreeze.search.space import fields_of


class Recorder:
    """Draws what it is told, else the lowest or first value; keeps what it was asked."""

    def __init__(self, **told):
        self.told = told
        self.asked = {}

    def _answer(self, name, default, *asked):
        assert name not in self.asked, f"{name} is asked for twice"
        self.asked[name] = asked
        return self.told.get(name.replace(".", "_"), default)

    def suggest_int(self, name, low, high, *, step=1, log=False):
        return self._answer(name, low, low, high, step, log)

    def suggest_float(self, name, low, high, *, step=None, log=False):
        return self._answer(name, low, low, high, step, log)

    def suggest_categorical(self, name, choices):
        return self._answer(name, choices[0], *choices)


def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=5), direction="maximize"
    )


# Draws.


def test_a_choice_of_strategies_is_a_parameter_and_theirs_depend_on_it(space_of):
    space = space_of("none,front,back,range", n_layers=4)
    assert list(space.parameters) == [
        "strategy", "front.boundary", "back.boundary", "range.start", "range.end", "temperature"
    ]  # fmt: skip
    drawn = {}
    for name in space.plugins["strategy"]:
        trial = Recorder(strategy=name)
        drawn[name] = space.draw(trial, RunConfig()).strategy_args
        own = [f for f in trial.asked if f.startswith(f"{name}.")]
        assert list(trial.asked) == ["strategy", *own, "temperature"]
    assert drawn == {
        "none": {}, "front": {"boundary": 0}, "back": {"boundary": 0},
        "range": {"start": 0, "end": 0},
    }  # fmt: skip


def test_a_draw_keeps_the_rest_of_the_configuration(space_of):
    config = RunConfig(strategy="range", strategy_args={"start": 1, "end": 2}, layer=(-2, 3))
    drawn = space_of("back").draw(Recorder(back_boundary=7, temperature=0.3), config)
    changed = {"strategy": "back", "strategy_args": {"boundary": 7}, "temperature": 0.3}
    assert drawn == config.model_copy(update=changed)


@pytest.mark.parametrize(
    ("strategy", "told", "args", "asked"),
    [
        ("range", {"start": 4}, {"start": 4, "end": 4}, {"start": (0, 6, 1), "end": (4, 6, 1)}),
        # A value that leaves nothing for the next is not drawn.
        ("apart", {"first": 5}, {"first": 5, "second": 6},
         {"first": (0, 5, 1), "second": (6, 6, 1)}),
        # A rule of the model counts once all is drawn.
        ("asawhole", {"low": 3}, {"low": 3, "high": 5}, {"low": (0, 4, 1), "high": (5, 5, 1)}),
        # What is allowed may depend on a number without a step.
        ("late", {"pace": 0.35, "count": 3}, {"pace": 0.35, "count": 3}, {"count": (0, 3, 1)}),
        # What is left is drawn with its own step.
        ("sameparity", {"a": 3}, {"a": 3, "b": 1}, {"b": (1, 5, 2)}),
        ("share", {"share": 0.6000000000000001}, {"share": 0.6}, {"share": (0.2, 0.6, 0.2)}),
        # In a gap, the nearest value is used, the smaller of two.
        ("gaps", {"a": 3, "b": 5}, {"a": 3, "b": 5}, {"b": (4, 19, 1)}),
        ("gaps", {"a": 3, "b": 6}, {"a": 3, "b": 5}, {"b": (4, 19, 1)}),
        ("gaps", {"a": 3, "b": 17}, {"a": 3, "b": 19}, {"b": (4, 19, 1)}),
    ],
)  # fmt: skip
def test_a_field_is_drawn_among_what_fits_the_others(space_of, strategy, told, args, asked):
    trial = Recorder(**{f"{strategy}_{field}": value for field, value in told.items()})
    assert space_of(strategy, n_layers=6).draw(trial, RunConfig()).strategy_args == args
    for field, expected in asked.items():
        assert trial.asked[f"{strategy}.{field}"] == (*expected, False)


def test_what_has_nothing_to_list_is_drawn_as_it_is(space_of):
    args = space_of("pace").draw(Recorder(pace_pace=0.3), RunConfig()).strategy_args
    assert args == {"pace": 0.3}


def test_a_number_without_a_step_may_leave_no_value_for_the_next(space_of, write):
    space = space_of("late", write("space.yaml", "late.count: {low: 3, high: 9}"))
    message = r"^late\.count must have a value that fits the others, got {'pace': 0\.2}$"
    with pytest.raises(ConfigError, match=message):
        space.draw(Recorder(late_pace=0.2), RunConfig())


def test_a_choice_offers_all_values_and_fails_the_trial_where_one_does_not_fit(space_of):
    space = space_of("exclusive")
    trial = Recorder(exclusive_a="y", exclusive_b="y")
    message = "^exclusive.b must here be one of 'x', 'z', got 'y'$"
    with pytest.raises(ConfigError, match=message):
        space.draw(trial, RunConfig())
    assert trial.asked["exclusive.b"] == ("x", "y", "z")


def test_a_study_draws_from_ranges_that_change_without_a_warning(space_of):
    names = "none,front,back,range,alternate,apart,late,square,sameparity"
    space, config, search, seen = space_of(names), RunConfig(), study(), []

    def objective(trial):
        drawn = space.draw(trial, config)
        args = drawn.strategy_args
        shown = {k.partition(".")[2]: v for k, v in trial.params.items() if "." in k}
        if drawn.strategy != "square":
            assert {k: v for k, v in args.items() if k in shown} == shown
        seen.append(drawn)
        return args.get("start", 0) - args.get("end", 0) + drawn.temperature

    search.optimize(objective, n_trials=40)
    assert len(seen) == 40
    assert {c.strategy for c in seen} <= set(names.split(","))
    assert len({json.dumps(c.strategy_args) for c in seen}) > 10


@given(
    data=st.data(),
    name=st.sampled_from(["range", "apart", "asawhole", "square", "gaps", "sameparity"]),
    n_layers=st.integers(2, 9),
)
def test_every_drawn_configuration_is_one_of_the_possible_ones(space_of, data, name, n_layers):
    space = space_of(name, n_layers=n_layers)

    class Hypothesis(Recorder):
        def suggest_int(self, name, low, high, *, step=1, log=False):
            return data.draw(st.integers(0, (high - low) // step)) * step + low

    args = space.draw(Hypothesis(), RunConfig()).strategy_args
    strategy = create_plugin(STRATEGY, name, args)
    for field, parameter in fields_of(name, space.searched).items():
        assert parameter.contains(getattr(strategy, field))


# Grids.


def test_cells_are_all_combinations_that_fit(space_of, write):
    space = space_of("none,range", write("space.yaml", "temperature: [0.1, 0.2]"), n_layers=2)
    expected = [{"strategy": "none", "temperature": t} for t in (0.1, 0.2)] + [
        {"strategy": "range", "range.start": start, "range.end": end, "temperature": t}
        for start in range(3)
        for end in range(start, 3)
        for t in (0.1, 0.2)
    ]
    assert space.cells() == expected


def test_every_cell_can_be_drawn(space_of, write):
    file = write("space.yaml", "temperature: {low: 0.1, high: 0.5, step: 0.2}\nfront.embeddings: "
                 "[true, false]")  # fmt: skip
    space, search, seen = space_of("front,apart", file, n_layers=3), study(), []
    cells = space.cells()
    for cell in cells:
        search.enqueue_trial(cell)

    def objective(trial):
        drawn = space.draw(trial, RunConfig())
        seen.append(space.point(drawn))
        return 0.0

    search.optimize(objective, n_trials=len(cells))
    assert len(cells) == 3 * (4 * 2 + 6)
    assert seen == cells


def test_a_grid_needs_steps(space_of):
    message = "^temperature must have a step, or be a list of values, to be searched as a grid$"
    with pytest.raises(ConfigError, match=message):
        space_of("front").cells()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("realign_steps: {low: 1, high: 1000000000}", "realign_steps"),
        ("realign_steps: {low: 1, high: 50000}", "the space"),
    ],
)
def test_a_grid_must_be_small_enough_to_list(space_of, write, line, name):
    space = space_of("front", write("space.yaml", f"temperature: 0.1\n{line}"))
    message = f"^{name} must have at most 100000 values to be searched as a grid$"
    with pytest.raises(ConfigError, match=message):
        space.cells()


def test_a_grid_has_a_cell(space_of, write):
    space = space_of("unlisted", write("space.yaml", "temperature: 0.1"))
    with pytest.raises(ConfigError, match=r"^the space must have values that fit each other"):
        space.cells()


# The point of a configuration.


def test_the_point_of_a_configuration_leads_back_to_it(space_of, write):
    config = RunConfig(
        strategy="range",
        strategy_args={"start": 2, "end": 5, "embeddings": True},
        temperature=0.05,
        layer=(-1, -2),
        aligner_args={"b": 1, "a": 2},
    )
    text = """
        range.start: {low: 0, high: 12}
        range.end: {low: 0, high: 12}
        range.embeddings: [true, false]
        layer: [-1, [-1, -2]]
        aligner_args: ["a=1", {a: 2, b: 1}]
    """
    space = space_of("none,range", write("space.yaml", text))
    point = space.point(config)
    assert point == {
        "strategy": "range", "range.start": 2, "range.end": 5, "range.embeddings": True,
        "temperature": 0.05, "layer": "-1,-2", "aligner_args": '{"a": 2, "b": 1}',
    }  # fmt: skip
    search = study()
    search.enqueue_trial(point)
    assert space.draw(search.ask(), RunConfig()) == config


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"strategy": "front", "temperature": 0.1}),
        ({"temperature": 3.0}, {"strategy": "front"}),
        ({"strategy_args": {"boundary": 13}}, {"strategy": "front", "temperature": 0.1}),
        ({"strategy": "alternate"},
         {"strategy": "alternate", "alternate.offset": 0, "temperature": 0.1}),
        ({"strategy": "back"}, None),
    ],
)  # fmt: skip
def test_what_is_unknown_or_outside_is_not_in_the_point(space_of, config, expected):
    assert space_of("front,alternate").point(RunConfig(**config)) == expected
    single = RunConfig(strategy="mode", temperature=0.2)
    assert space_of("mode").point(single) == {"mode.mode": "soft", "temperature": 0.2}


# The description.


def test_the_description_names_what_is_searched_and_what_is_pinned(space_of, write):
    assert str(space_of("front", write("space.yaml", "front.embeddings: true"))) == (
        "front.boundary from 0 to 12; temperature from 0.02 to 1.0 (logarithmic); "
        "front.embeddings = True"
    )
