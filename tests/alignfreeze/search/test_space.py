import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Self

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationInfo, field_validator, model_validator

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Boundary, FreezingStrategy, LayerBoundary, ParameterSite, registry
from alignfreeze.errors import ConfigError, PluginError
from alignfreeze.search.parameters import Choice, FloatRange, IntRange, Scalar
from alignfreeze.search.space import Space
from alignfreeze.search.space_building import build_space
from alignfreeze.search.space_file import UNSEARCHABLE

Write = Callable[[str, str], Path]

TEMPERATURE = FloatRange(0.02, 1.0, log=True)


class Base(FreezingStrategy):
    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        return False


class Mode(Enum):
    SOFT = "soft"
    HARD = "hard"


class Everything(Base):
    """A field of each kind."""

    mode: Literal["inner", "outer"] = "inner"
    kind: Mode | None = None
    rate: float = Field(0.5, gt=0, lt=1)
    share: Annotated[float, Field(ge=0.1, le=0.7, multiple_of=0.2)] | None = None
    every: int = Field(3, gt=0, lt=12, multiple_of=3)
    top: Annotated[int, Field(ge=1, le=99), LayerBoundary()] = 1
    flag: bool = False
    note: str = ""
    at_least: int = Field(3, ge=0)
    mixed: int | Literal["all"] = "all"


class Apart(Base):
    """Each field depends on the one before, which has a default; the last has but one way out."""

    first: Boundary = 5
    second: Boundary = 0

    @field_validator("second")
    @classmethod
    def _beyond(cls, second: int, info: ValidationInfo) -> int:
        if second <= info.data["first"]:
            raise ValueError(f"must be > first, which is {info.data['first']}")
        return second


class AsAWhole(Base):
    """The rule is the model's, and its defaults break it."""

    low: Boundary = 9
    high: Boundary = 3

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low + 2 != self.high:
            raise ValueError(f"must be two apart, got {self.low} and {self.high}")
        return self


class Powers(Base):
    """A range with gaps."""

    width: int = Field(1, ge=1, le=8)

    @field_validator("width")
    @classmethod
    def _power(cls, width: int) -> int:
        if width & (width - 1):
            raise ValueError("must be a power of two")
        return width


class Odd(Base):
    """A range with a regular gap, and one that shrinks with the value before."""

    width: int = Field(1, ge=0, le=8)
    square: int = Field(0, ge=0, le=30)

    @field_validator("width")
    @classmethod
    def _is_odd(cls, width: int) -> int:
        if width % 2 == 0:
            raise ValueError("must be odd")
        return width

    @field_validator("square")
    @classmethod
    def _is_square(cls, square: int, info: ValidationInfo) -> int:
        if math.isqrt(square) ** 2 != square or square < info.data["width"]:
            raise ValueError("must be a square of at least the width")
        return square


class Gaps(Base):
    """Where the second may be has gaps that depend on the first."""

    first: int = Field(0, ge=0, le=3)
    second: int = Field(0, ge=0, le=20)

    @field_validator("second")
    @classmethod
    def _power(cls, second: int, info: ValidationInfo) -> int:
        distance = second - info.data["first"]
        if distance < 1 or distance & (distance - 1):
            raise ValueError("must be a power of two beyond the first")
        return second


class SameParity(Base):
    """What the second may be has a step that the range as a whole has not."""

    first: Boundary = 0
    second: Boundary = 0

    @field_validator("second")
    @classmethod
    def _is_even_if_first_is(cls, second: int, info: ValidationInfo) -> int:
        if (second - info.data["first"]) % 2:
            raise ValueError("must be odd where first is")
        return second


class Late(Base):
    """What an integer may be depends on a number without a step."""

    rate: float = Field(0.1, ge=0, le=1)
    count: int = Field(0, ge=0, le=10)

    @field_validator("count")
    @classmethod
    def _fits(cls, count: int, info: ValidationInfo) -> int:
        if count > 10 * info.data["rate"]:
            raise ValueError("must be <= 10 rate")
        return count


class Exclusive(Base):
    """Which choice is possible depends on the choice before."""

    a: Literal["x", "y"] = "x"
    b: Literal["x", "y", "z"] = "y"

    @field_validator("b")
    @classmethod
    def _differs(cls, b: str, info: ValidationInfo) -> str:
        if b == info.data["a"]:
            raise ValueError("must differ from a")
        return b


class Required(Base):
    name: str


class Impossible(Base):
    count: int = Field(1, ge=0, le=3)

    @field_validator("count")
    @classmethod
    def _never(cls, count: int) -> int:
        raise ValueError("must be something else")


class TooHigh(Base):
    layer: Annotated[int, Field(ge=20), LayerBoundary()] = 20


PLUGINS = {
    cls.__name__.lower(): cls
    for cls in (
        Everything, Apart, AsAWhole, Powers, Odd, Gaps, Late, Exclusive, Required, Impossible,
        SameParity, TooHigh,
    )
}  # fmt: skip


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the strategies of this file, as a distribution would."""
    module = ModuleType("plugins_of_the_space")
    module.__dict__.update(PLUGINS)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def with_own(group: str) -> Sequence[EntryPoint]:
        own = [EntryPoint(name, f"{module.__name__}:{name}", group) for name in PLUGINS]
        return [*entry_points(group=group), *(own if group == "alignfreeze.strategies" else [])]

    monkeypatch.setattr(registry, "entry_points", with_own)


class Recorder:
    """Draws what it is told, else the lowest or first value; keeps what it was asked."""

    def __init__(self, **told: Scalar) -> None:
        self.told = told
        self.asked: dict[str, tuple[Any, ...]] = {}

    def _answer(self, name: str, default: Any, *asked: Any) -> Any:
        assert name not in self.asked, f"{name} is asked for twice"
        self.asked[name] = asked
        return self.told.get(name.replace(".", "_"), default)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return self._answer(name, low, low, high, step, log)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return self._answer(name, low, low, high, step, log)

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        return self._answer(name, choices[0], *choices)


def space_of(
    strategies: str = "front", file: Path | None = None, n_layers: int = 12, **options: Any
) -> Space:
    names = strategies.split(",")
    return build_space(RunConfig(**{"strategy": names[0], **options}), names, n_layers, file)


def study(seed: int = 0) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=5), direction="maximize"
    )


# What is searched by default.


def test_by_default_the_boundary_and_the_temperature_are_searched() -> None:
    space = space_of("front")
    assert space.parameters == {"front.boundary": IntRange(0, 12), "temperature": TEMPERATURE}
    assert (space.boundaries(), space.logarithmic()) == (("front.boundary",), ("temperature",))


def test_no_names_of_strategies_mean_the_one_of_the_configuration() -> None:
    assert build_space(RunConfig(strategy="back"), (), 6, None).strategies == ("back",)


def test_a_choice_of_strategies_is_a_parameter_and_theirs_depend_on_it() -> None:
    space = space_of("none,front,back,range", n_layers=4)
    assert list(space.parameters) == [
        "strategy", "front.boundary", "back.boundary", "range.start", "range.end", "temperature"
    ]  # fmt: skip
    drawn = {}
    for name in space.strategies:
        trial = Recorder(strategy=name)
        drawn[name] = space.draw(trial, RunConfig()).strategy_args
        own = [f for f in trial.asked if f.startswith(f"{name}.")]
        assert list(trial.asked) == ["strategy", *own, "temperature"]
    assert drawn == {
        "none": {}, "front": {"boundary": 0}, "back": {"boundary": 0},
        "range": {"start": 0, "end": 0},
    }  # fmt: skip


def test_types_and_bounds_become_parameters() -> None:
    space = space_of("everything", n_layers=7)
    assert space.arguments["everything"] == {
        "mode": Choice(("inner", "outer")),
        "kind": Choice(("soft", "hard")),
        "rate": FloatRange(math.nextafter(0, 1), math.nextafter(1, 0)),
        "share": FloatRange(0.2, 0.6, step=0.2),
        "every": IntRange(3, 9, 3),
        "top": IntRange(1, 7),
    }
    assert space.boundaries() == ("everything.top",)


def test_a_plugin_of_another_distribution_is_searched_like_any_other() -> None:
    space = space_of("alternate", n_layers=6)
    assert space.arguments == {"alternate": {"offset": IntRange(0, 6)}}


def test_given_arguments_are_not_searched() -> None:
    space = space_of("range", strategy_args={"end": 4})
    assert space.arguments == {"range": {"start": IntRange(0, 4)}}
    assert space.draw(Recorder(range_start=3), RunConfig()).strategy_args == {"start": 3, "end": 4}


def test_a_draw_keeps_the_rest_of_the_configuration() -> None:
    config = RunConfig(strategy="range", strategy_args={"start": 1, "end": 2}, layer=(-2, 3))
    drawn = space_of("back").draw(Recorder(back_boundary=7, temperature=0.3), config)
    changed = {"strategy": "back", "strategy_args": {"boundary": 7}, "temperature": 0.3}
    assert drawn == config.model_copy(update=changed)


# Rules between fields.


def test_the_end_is_drawn_from_the_start_on() -> None:
    trial = Recorder(range_start=9)
    space_of("range").draw(trial, RunConfig())
    assert trial.asked["range.start"] == (0, 12, 1, False)
    assert trial.asked["range.end"] == (9, 12, 1, False)


def test_a_value_that_leaves_nothing_for_the_next_is_not_drawn() -> None:
    space = space_of("apart", n_layers=6)
    assert space.arguments["apart"] == {"first": IntRange(0, 5), "second": IntRange(1, 6)}
    trial = Recorder(apart_first=5)
    assert space.draw(trial, RunConfig()).strategy_args == {"first": 5, "second": 6}
    assert trial.asked["apart.first"] == (0, 5, 1, False)
    assert trial.asked["apart.second"] == (6, 6, 1, False)


def test_a_rule_of_the_model_counts_once_all_is_drawn() -> None:
    space = space_of("asawhole", n_layers=6)
    assert space.arguments["asawhole"] == {"low": IntRange(0, 4), "high": IntRange(2, 6)}
    assert space.draw(Recorder(asawhole_low=3), RunConfig()).strategy_args["high"] == 5


def test_a_range_shrinks_to_what_the_rules_allow(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="alignfreeze.search"):
        found = space_of("odd,powers").arguments
    assert found == {
        "odd": {"width": IntRange(1, 7, 2), "square": IntRange(1, 25)},
        "powers": {"width": IntRange(1, 8)},
    }
    assert caplog.messages == [
        "odd.width: 4 of 9 values fit its rules",
        "odd.square: 5 of 31 values fit its rules",
        "powers.width: 4 of 8 values fit its rules",
    ]


def test_what_a_validator_allows_may_depend_on_a_number_without_a_step() -> None:
    trial = Recorder(late_rate=0.35, late_count=3)
    args = space_of("late").draw(trial, RunConfig()).strategy_args
    assert args == {"rate": 0.35, "count": 3}
    assert trial.asked["late.count"] == (0, 3, 1, False)


def test_what_is_left_is_drawn_with_its_own_step() -> None:
    space, trial = space_of("sameparity", n_layers=6), Recorder(sameparity_first=3)
    assert space.draw(trial, RunConfig()).strategy_args == {"first": 3, "second": 1}
    assert space.arguments["sameparity"]["second"] == IntRange(0, 6)
    assert trial.asked["sameparity.second"] == (1, 5, 2, False)


def test_a_number_without_a_step_may_leave_no_value_for_the_next(write: Write) -> None:
    space = space_of("late", write("space.yaml", "late.count: {low: 3, high: 9}"))
    message = r"^late\.count must have a value that fits the others, got {'rate': 0\.2}$"
    with pytest.raises(ConfigError, match=message):
        space.draw(Recorder(late_rate=0.2), RunConfig())


def test_a_choice_offers_all_values_and_fails_the_trial_where_one_does_not_fit() -> None:
    space = space_of("exclusive")
    trial = Recorder(exclusive_a="y", exclusive_b="y")
    message = "^exclusive.b must here be one of 'x', 'z', got 'y'$"
    with pytest.raises(ConfigError, match=message):
        space.draw(trial, RunConfig())
    assert trial.asked["exclusive.b"] == ("x", "y", "z")


@pytest.mark.parametrize(("drawn", "used"), [(4, 4), (5, 5), (6, 5), (7, 7), (8, 7), (17, 19)])
def test_in_a_gap_the_nearest_value_is_used(drawn: int, used: int) -> None:
    trial = Recorder(gaps_first=3, gaps_second=drawn)
    args = space_of("gaps").draw(trial, RunConfig()).strategy_args
    assert args == {"first": 3, "second": used}
    assert trial.asked["gaps.second"] == (4, 19, 1, False)


def test_a_drawn_number_is_put_on_its_grid() -> None:
    space = space_of("everything", n_layers=4)
    args = space.draw(Recorder(everything_share=0.6000000000000001), RunConfig()).strategy_args
    assert args["share"] == 0.6


@pytest.mark.parametrize(
    "strategies", ["range", "none,front,back,range,alternate,apart,late,odd,sameparity"]
)
def test_a_study_draws_from_ranges_that_change_without_a_warning(strategies: str) -> None:
    space, config, names = space_of(strategies), RunConfig(), strategies.split(",")
    seen = []

    def objective(trial: optuna.Trial) -> float:
        drawn = space.draw(trial, config)
        args = drawn.strategy_args
        shown = {k.partition(".")[2]: v for k, v in trial.params.items() if "." in k}
        if drawn.strategy != "odd":
            assert {k: v for k, v in args.items() if k in shown} == shown
        if drawn.strategy == "range":
            assert 0 <= args["start"] <= args["end"] <= 12
        seen.append(drawn)
        return args.get("start", 0) - args.get("end", 0) + drawn.temperature

    search = study()
    search.optimize(objective, n_trials=40)
    assert len(seen) == 40
    assert {c.strategy for c in seen} <= set(names)
    assert len({json.dumps(c.strategy_args) for c in seen}) > 10


@given(data=st.data(), n_layers=st.integers(1, 15))
def test_every_drawn_configuration_is_one_of_the_possible_ones(
    data: st.DataObject, n_layers: int
) -> None:
    space = space_of("range", n_layers=n_layers)

    class Hypothesis(Recorder):
        def suggest_int(
            self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
        ) -> int:
            return data.draw(st.integers(0, (high - low) // step)) * step + low

    args = space.draw(Hypothesis(), RunConfig()).strategy_args
    assert 0 <= args["start"] <= args["end"] <= n_layers


# Grids.


def test_cells_are_all_combinations_that_fit(write: Write) -> None:
    space = space_of("none,range", write("space.yaml", "temperature: [0.1, 0.2]"), n_layers=2)
    expected = [{"strategy": "none", "temperature": t} for t in (0.1, 0.2)] + [
        {"strategy": "range", "range.start": start, "range.end": end, "temperature": t}
        for start in range(3)
        for end in range(start, 3)
        for t in (0.1, 0.2)
    ]
    assert space.cells() == expected


def test_every_cell_can_be_drawn(write: Write) -> None:
    file = write("space.yaml", "temperature: {low: 0.1, high: 0.5, step: 0.2}\nfront.embeddings: "
                 "[true, false]")  # fmt: skip
    space, search, seen = space_of("front,apart", file, n_layers=3), study(), []
    cells = space.cells()
    for cell in cells:
        search.enqueue_trial(cell)

    def objective(trial: optuna.Trial) -> float:
        drawn = space.draw(trial, RunConfig())
        seen.append(space.point(drawn))
        return 0.0

    search.optimize(objective, n_trials=len(cells))
    assert len(cells) == 3 * (4 * 2 + 6)
    assert seen == cells


def test_a_grid_needs_steps() -> None:
    message = "^temperature must have a step, or be a list of values, to be searched as a grid$"
    with pytest.raises(ConfigError, match=message):
        space_of("front").cells()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("realign_steps: {low: 1, high: 1000000000000000000000}", "realign_steps"),
        ("realign_steps: {low: 1, high: 50000}", "the space"),
    ],
)
def test_a_grid_must_be_small_enough_to_list(write: Write, line: str, name: str) -> None:
    space = space_of("front", write("space.yaml", f"temperature: 0.1\n{line}"))
    message = f"^{name} must have at most 100000 values to be searched as a grid$"
    with pytest.raises(ConfigError, match=message):
        space.cells()


# The point of a configuration.


def test_the_point_of_a_configuration_leads_back_to_it(write: Write) -> None:
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
    space = build_space(config, ["none", "range"], 12, write("space.yaml", text))
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
def test_what_is_unknown_or_outside_is_not_in_the_point(
    config: dict[str, Any], expected: object
) -> None:
    assert space_of("front,alternate").point(RunConfig(**config)) == expected


@pytest.mark.parametrize(("temperature", "expected"), [(0.3, 0.3), (0.2, None), (0.7, None)])
def test_a_value_beside_the_grid_is_not_in_the_point(
    write: Write, temperature: float, expected: float | None
) -> None:
    space = space_of("front", write("space.yaml", "temperature: {low: 0.1, high: 0.5, step: 0.2}"))
    point = space.point(RunConfig(temperature=temperature))
    assert point is not None
    assert point.get("temperature") == expected


# The file.


def test_a_file_overrides_and_adds(write: Write) -> None:
    text = """
        temperature: 0.2
        boundary: {low: 2, high: 6, step: 2}
        front.embeddings: [true, false]
        realign_lr: {low: 1e-6, high: 1e-4, log: true}
        finetune_lr: [1e-5, 2e-5]
        realign_steps: {low: 100, high: 200, step: 50}
        finetune_steps: {low: 7, high: 7}
        projection: [0, 128]
        layer: [-1, "-1,-2", [-3, 4]]
        realign_languages: ["de, fr", [de], []]
        pair_limit: [null, 500]
        aligner_args: [{a: 1}, "b=2"]
        pair_duplicates: [drop, keep]
        aligner: [auto, mutual]
    """
    space = space_of("front", write("space.yaml", text))
    assert space.pinned_fields == {"temperature": 0.2, "finetune_steps": 7}
    assert space.parameters == {
        "front.boundary": IntRange(2, 6, 2),
        "front.embeddings": Choice((True, False)),
        "realign_lr": FloatRange(1e-6, 1e-4, log=True),
        "finetune_lr": Choice((1e-5, 2e-5)),
        "realign_steps": IntRange(100, 200, 50),
        "projection": Choice((0, 128)),
        "layer": Choice(("-1", "-1,-2", "-3,4")),
        "realign_languages": Choice(("de,fr", "de", "")),
        "pair_limit": Choice((None, 500)),
        "aligner_args": Choice(('{"a": 1}', '{"b": 2}')),
        "pair_duplicates": Choice(("drop", "keep")),
        "aligner": Choice(("auto", "mutual")),
    }
    drawn = space.draw(Recorder(layer="-3,4", aligner_args='{"b": 2}'), RunConfig())
    assert (drawn.layer, drawn.aligner_args, drawn.finetune_steps) == ((-3, 4), {"b": 2}, 7)
    assert drawn.realign_languages == ("de", "fr")


def test_the_file_wins_over_given_arguments(write: Write) -> None:
    file = write("space.yaml", "front.boundary: {low: 1, high: 3}")
    space = space_of("front", file, strategy_args={"boundary": 9, "embeddings": True})
    assert space.arguments == {"front": {"boundary": IntRange(1, 3)}}
    assert space.pinned_arguments == {"front": {"embeddings": True}}


def test_what_the_file_pins_limits_the_rest(write: Write) -> None:
    file = write("space.yaml", "range.start: 4\neverything.at_least: 8\neverything.note: x")
    space = space_of("range,everything", file)
    assert space.arguments["range"] == {"end": IntRange(4, 12)}
    assert space.pinned_arguments["everything"] == {"at_least": 8, "note": "x"}


def test_a_default_is_no_rule_for_what_the_file_says(write: Write) -> None:
    file = write("space.yaml", "apart.second: {low: 3, high: 4}")
    arguments = space_of("apart", file).arguments["apart"]
    assert arguments == {"first": IntRange(0, 3), "second": IntRange(3, 4)}


def test_numbers_as_text_are_numbers(write: Write) -> None:
    file = write("space.yaml", "everything.rate: [1e-3, 0.5]\neverything.every: '6'")
    space = space_of("everything", file)
    assert space.arguments["everything"]["rate"] == Choice((0.001, 0.5))
    assert space.pinned_arguments["everything"]["every"] == 6


KNOWN_FIELDS = ", ".join(name for name in RunConfig.model_fields if name not in UNSEARCHABLE)

REFUSALS = {
    "front.boundary: 20": "front.boundary must be <= 12, the encoder's layers, got 20",
    "front.boundary: '20'": "front.boundary must be <= 12, the encoder's layers, got 20",
    "boundary: {low: 0, high: 13}": "front.boundary must be <= 12, the encoder's layers, got 13",
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
    "temperature: {low: 0, high: 1}": "temperature must be > 0, got 0.0",
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
    "projection: [-64]": "projection must be >= 0, got -64",
    "layer: [0, 12]": "layer must be in [-12, 11], got 12",
    "layer: ['-1,-13']": "layer must be in [-12, 11], got -13",
    "layer: ['-1,11']": "layer must not name a layer twice, got -1,11",
    "layer: {low: 0, high: 3}": "layer must be a value or a list of values, for it is no number, "
    "got {'low': 0, 'high': 3}",
    "realign_languages: [no, de]": "realign_languages must not be true or false "
    "(YAML: 'no' needs quotes)",
    "language_mix: [even]": "language_mix must be 'proportional' or 'uniform', got 'even'",
    "seed: [1, 2]": "seed cannot be searched: it changes what is measured",
    "data: hub": "data cannot be searched: it changes what is measured",
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
    "boundary: 3\ntemperature: 0.1": None,
    "": "must hold name: value lines",
    "- temperature": "must hold name: value lines",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSALS)
def test_a_file_that_cannot_be_is_refused_in_one_line(write: Write, text: str) -> None:
    file = write("space.yaml", text)
    message = REFUSALS[text] or "must leave something to search, but everything is given"
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{file}: {message}')}$"):
        space_of("front", file)


def test_what_changes_the_measure_is_not_searched(write: Write) -> None:
    for name in ("model", "task", "languages", "alignment_pairs", "encoder", "precision"):
        with pytest.raises(ConfigError, match=f"{name} cannot be searched: it changes what is"):
            space_of("front", write("space.yaml", f"{name}: [1, 2]"))


def test_an_unknown_aligner_is_refused(write: Write) -> None:
    file = write("space.yaml", "aligner: [mutual, mutul]")
    with pytest.raises(ConfigError, match="aligner: no aligner 'mutul'; did you mean 'mutual'"):
        space_of("front", file)


def test_a_bare_name_needs_a_single_strategy(write: Write) -> None:
    file = write("space.yaml", "boundary: 1")
    message = "no field 'boundary' to search; did you mean .*'front.boundary'"
    with pytest.raises(ConfigError, match=message):
        space_of("front,back", file)


def test_a_value_of_the_file_that_no_other_fits_is_refused(write: Write) -> None:
    file = write("space.yaml", "range.end: 6\nrange.start: {low: 0, high: 12}")
    message = f"{file}: range.end must be >= start, which is 12, got 6"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        space_of("range", file)


def test_pinned_values_that_contradict_each_other_are_refused(write: Write) -> None:
    file = write("space.yaml", "range.start: 5\nrange.end: 4")
    with pytest.raises(ConfigError, match=r"'range': end must be >= start, which is 5, got 4$"):
        space_of("range", file)


def test_rules_that_allow_nothing_are_refused(write: Write) -> None:
    file = write("space.yaml", "asawhole.low: 12")
    message = f"{file}: strategy 'asawhole' must have values that go together, but none go with "
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}low=12$"):
        space_of("asawhole", file)


def test_a_file_that_is_not_there_or_not_yaml_is_refused(write: Write, tmp_path: Path) -> None:
    missing, broken = tmp_path / "missing.yaml", write("broken.yaml", "a: [1")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match=r"missing\.yaml: cannot be read: No such file"):
        space_of("front", missing)
    for file in (broken, binary):
        with pytest.raises(ConfigError, match=rf"^{re.escape(str(file))}: is not YAML: [^\n]+$"):
            space_of("front", file)


# Strategies and options that cannot be.


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
        ("late", {"strategy_args": {"rate": 0.2, "count": 3}},
         "strategy 'late': count must be <= 10 rate, got 3"),
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
def test_strategies_that_cannot_be_searched_are_refused(
    strategies: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        space_of(strategies, **options)


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(PluginError, match="no strategy 'frnt'; did you mean 'front'"):
        space_of("front,frnt")


# The description.


def test_the_description_is_json_and_tells_spaces_apart(write: Write) -> None:
    texts = ["temperature: 0.1", "temperature: [0.1, 0.2]", "temperature: {low: 0.1, high: 0.2}",
             "front.embeddings: true", "front.boundary: [1, 2]"]  # fmt: skip
    files = [None, *(write(f"{n}.yaml", text) for n, text in enumerate(texts))]
    found: list[Mapping[str, object]] = [space_of("front", file).described() for file in files]
    assert len({json.dumps(d, sort_keys=True) for d in found}) == len(files)
    assert found[0] == {
        "strategies": ["front"],
        "parameters": {
            "front.boundary": {"low": 0, "high": 12, "step": 1, "log": False},
            "temperature": {"low": 0.02, "high": 1.0, "step": None, "log": True},
        },
        "pinned": {},
    }
    assert found[4]["pinned"] == {"front.embeddings": True}
