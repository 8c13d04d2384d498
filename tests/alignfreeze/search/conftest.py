"""Fixtures of the search's tests."""

import math
import sys
from collections.abc import Callable
from enum import Enum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Annotated, ClassVar, Literal

import pandas as pd
import pytest
from pydantic import AfterValidator, Field, create_model, field_validator, model_validator

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Boundary, FreezingStrategy, LayerBoundary, Objective, registry
from alignfreeze.search.space_building import build_space
from alignfreeze.search.trial_table import StudyTable

SCORES = ("pos/de", "pos/fr", "ner/de")


@pytest.fixture
def study_of() -> Callable[..., StudyTable]:
    """Makes a table of ``(state, front.boundary, back.boundary, temperature, mean)`` rows."""
    return _study


def _study(rows, **changes) -> StudyTable:
    columns = ["state", "front.boundary", "back.boundary", "temperature", "mean"]
    trials = pd.DataFrame(rows, columns=columns)
    trials.insert(0, "trial", range(len(trials)))
    for shift, name in enumerate(SCORES):
        trials[name] = trials["mean"] + shift / 100
    fields = {
        "title": "study",
        "trials": trials,
        "objectives": ["mean"],
        "parameters": ["front.boundary", "back.boundary", "temperature"],
        "boundaries": ["front.boundary", "back.boundary"],
        "logarithmic": ["temperature"],
        "scores": SCORES,
        "best": [0],
        "n_layers": 3,
    }
    return StudyTable(**fields | changes)


class Mode(Enum):
    SOFT = "soft"
    HARD = "hard"


class Base(FreezingStrategy):
    def freezes(self, site, n_layers):
        return False


class AsAWhole(Base):
    """The rule is the model's, and its defaults break it."""

    low: Boundary = 9
    high: Boundary = 3

    @model_validator(mode="after")
    def _ordered(self):
        if self.low + 2 != self.high:
            raise ValueError(f"must be two apart, got {self.low} and {self.high}")
        return self


def ruled(rule=None, **fields) -> type[FreezingStrategy]:
    """A strategy whose last field has to keep a rule of it and of those before."""
    *_, last = fields

    def check(cls, value, info):
        if rule is not None and not rule(**info.data, **{last: value}):
            raise ValueError("must fit")
        return value

    validators = {"check": field_validator(last)(classmethod(check))}
    return create_model("Ruled", __base__=Base, __validators__=validators, **fields)


def integer(least: int, most: int):
    return (int, Field(least, ge=least, le=most))


def odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("must be odd")
    return number


PACE = (float, Field(0.1, ge=0, le=1))

STRATEGIES = {
    "asawhole": AsAWhole,
    # The first has a default that leaves the second nothing.
    "apart": ruled(lambda first, second: second > first, first=(Boundary, 5), second=(Boundary, 0)),
    "square": ruled(
        lambda low, square: math.isqrt(square) ** 2 == square >= low,
        low=(Annotated[int, Field(ge=0, le=8), AfterValidator(odd)], 1), square=integer(0, 30),
    ),
    # What the second may be has gaps, or a step, which depend on the first.
    "gaps": ruled(
        lambda a, b: b - a in (1, 2, 4, 8, 16), a=(int, Field(ge=0, le=3)), b=integer(0, 20)
    ),
    "sameparity": ruled(lambda a, b: (b - a) % 2 == 0, a=(Boundary, 0), b=(Boundary, 0)),
    "exclusive": ruled(
        lambda a, b: a != b, a=(Literal["x", "y"], "x"), b=(Literal["x", "y", "z"], "y")
    ),
    # What an integer may be depends on a number without a step.
    "late": ruled(lambda pace, count: count <= 10 * pace, pace=PACE, count=integer(0, 10)),
    "pace": ruled(pace=PACE),
    "share": ruled(share=(float, Field(0.2, ge=0.1, le=0.7, multiple_of=0.2))),
    "mode": ruled(mode=(Mode, Mode.SOFT)),
    "required": ruled(name=(str, ...)),
    "impossible": ruled(lambda count: False, count=integer(0, 3)),
    "unlisted": ruled(lambda many, few: few > many + 9, many=integer(0, 2000), few=integer(0, 3)),
    "nearly": ruled(pull=PACE),
    "toohigh": ruled(layer=(Annotated[int, Field(ge=20), LayerBoundary()], 20)),
}  # fmt: skip


class Nearby(Objective):
    """An objective with hyperparameters of three kinds: searched, chosen, and left alone."""

    reads_temperature: ClassVar[bool] = True

    pull: float = Field(1.0, ge=0, le=10)
    negatives: Literal["all", "some"] = "all"
    center: bool = False


class Plain(Objective):
    """One without hyperparameters, that reads no temperature."""


class SameName(Objective):
    """One that is called as a strategy is."""

    width: int = Field(2, ge=1, le=3)


OBJECTIVES = {"nearby": Nearby, "plain": Plain, "front": SameName}

MODULE = "plugins_of_the_space"


@cache
def registered(group: str) -> dict[str, list[EntryPoint]]:
    own = {"alignfreeze.strategies": STRATEGIES, "alignfreeze.objectives": OBJECTIVES}.get(
        group, {}
    )
    found = {entry_point.name: [entry_point] for entry_point in entry_points(group=group)}
    mine = {n: [EntryPoint(n, f"{MODULE}:{n}", group)] for n in own}
    return found | mine


@pytest.fixture(scope="module")
def space_of():
    """Builds spaces, of the strategies of this file too, as if a distribution had them."""

    def space_of_strategies(strategies="front", file=None, n_layers=12, objectives=(), **options):
        names = strategies.split(",")
        config = RunConfig(**{"strategy": names[0], **options})
        given = [file.read_text("utf-8"), str(file)] if file else []
        return build_space(config, {"strategy": names, "objective": objectives}, n_layers, *given)

    module = ModuleType(MODULE)
    module.__dict__.update(STRATEGIES | OBJECTIVES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)
        patch.setattr(registry, "_registered", lambda group, places: registered(group))
        yield space_of_strategies
