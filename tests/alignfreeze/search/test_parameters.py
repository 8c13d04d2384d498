"""What a field is as a parameter, against what pydantic accepts."""

import math
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from alignfreeze.contracts import LayerBoundary
from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Choice, Range, derived, number_type

N_LAYERS = 7


class Mode(Enum):
    SOFT = "soft"
    HARD = "hard"


class Level(Enum):
    LOW = 0.5


class Everything(BaseModel):
    """A field of each kind."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    mode: Literal["inner", "outer"] = "inner"
    only: Literal[3] = 3
    kind: Mode | None = None
    level: Level = Level.LOW
    rate: float = Field(0.5, gt=0, lt=1)
    share: Annotated[float, Field(ge=0.1, le=0.7, multiple_of=0.2)] | None = None
    every: int = Field(3, gt=0, lt=12, multiple_of=3)
    top: Annotated[int, Field(ge=1, le=99), LayerBoundary()] = 1
    even: Annotated[int, AfterValidator(lambda value: 2 * value), Field(ge=0, lt=5)] = 0
    other: int = Field(1, alias="anders", ge=0, le=3)
    flag: bool = False
    note: str = ""
    at_least: int = Field(3, ge=0)
    endless: float = Field(3.0, ge=0, le=math.inf)
    mixed: int | Literal["all"] = "all"
    free: Any = object()
    opaque: range | None = None


EXPECTED = {
    "mode": Choice(("inner", "outer")),
    "only": Choice((3,)),
    "kind": Choice(("soft", "hard")),
    "rate": Range(math.nextafter(0, 1), math.nextafter(1, 0)),
    "share": Range(0.2, 0.6, step=0.2),
    "every": Range(3, 9, 3),
    "top": Range(1, N_LAYERS, 1),
    "even": Range(0, 4, 1),
    "other": Range(0, 3, 1),
}


def test_types_and_bounds_become_parameters():
    found = {name: derived(Everything, name, name, N_LAYERS) for name in Everything.model_fields}
    assert found == {name: EXPECTED.get(name) for name in Everything.model_fields}


def test_numbers_are_told_from_what_is_chosen():
    numbers = {name: number_type(Everything, name) for name in Everything.model_fields}
    assert [name for name, number in numbers.items() if number is float] == [
        "rate", "share", "endless"
    ]  # fmt: skip
    assert [name for name, number in numbers.items() if number is int] == [
        "every", "top", "even", "other", "at_least"
    ]  # fmt: skip


some_bounds = st.dictionaries(st.sampled_from(["ge", "gt", "le", "lt"]), st.integers(-5, 5))


def accepted(model: type[BaseModel], values: list[Any]) -> list[Any]:
    """Those of some values that a model takes."""
    found = []
    for value in values:
        try:
            model(x=value)
        except ValidationError:
            continue
        found.append(value)
    return found


@given(some_bounds, st.sampled_from([None, 1, 2, 3]), st.booleans())
def test_a_range_of_integers_holds_what_pydantic_accepts(bounds, step, counts_layers):
    number = Annotated[int, LayerBoundary()] if counts_layers else int
    steps = {} if step is None else {"multiple_of": step}
    model = create_model("Model", x=(number, Field(**bounds, **steps)))
    expected = accepted(model, list(range(-20, 4 if counts_layers else 20)))
    if not (bounds.keys() & {"ge", "gt"} and (counts_layers or bounds.keys() & {"le", "lt"})):
        assert derived(model, "x", "x", 3) is None
    elif expected:
        found = derived(model, "x", "x", 3)
        assert isinstance(found, Range)
        assert list(found.values) == expected
    else:
        with pytest.raises(ConfigError, match=r"^x must have a value to search, but none is from"):
            derived(model, "x", "x", 3)


@pytest.mark.parametrize(
    ("parameter", "text", "within", "beside"),
    [
        (Range(0, 12, 1), "from 0 to 12", [0, 12], [-1, 13]),
        (Range(1, 7, 2), "from 1 to 7 by 2", [1, 7], [0, 2, 9, True, 3.0, "3", None]),
        (Range(0.1, 1.0, log=True), "from 0.1 to 1.0 (logarithmic)", [0.1, 1], [0.0, True]),
        (Range(0.1, 0.5, step=0.2), "from 0.1 to 0.5 by 0.2", [0.1, 0.3], [0.2, 0.7, "0.3"]),
        (Choice(("a", None)), "of a, None", ["a", None], ["b"]),
    ],
)
def test_a_parameter_tells_what_it_may_be(parameter, text, within, beside):
    assert str(parameter) == text
    assert all(map(parameter.contains, within))
    assert not any(map(parameter.contains, beside))


@pytest.mark.parametrize(
    ("parameter", "kept", "expected"),
    [
        (Range(0, 9, 1), [1, 3, 7], Range(1, 7, 2)),
        (Range(0, 9, 1), [4], Range(4, 4, 1)),
        (Range(1, 9, 1, log=True), [2, 4, 8], Range(2, 8, 1, log=True)),
        (Range(0.0, 1.0, step=0.1), [0.2, 0.5], Range(0.2, 0.5, step=0.1)),
        (Choice(("a", "b", "c")), ["a", "c"], Choice(("a", "c"))),
    ],
)
def test_a_parameter_is_restricted_to_some_values(parameter, kept, expected):
    assert parameter.restricted(kept) == expected
