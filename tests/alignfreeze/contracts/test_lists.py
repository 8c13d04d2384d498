"""Fields of plugins that hold several values, and the text that they are given as."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest
from pydantic import BeforeValidator, Field, field_validator

from alignfreeze.config import as_argument, checked, parse_arguments
from alignfreeze.contracts import Boundary, FreezingStrategy
from alignfreeze.errors import ConfigError


class Several(FreezingStrategy):
    """Has fields of all kinds."""

    layers: frozenset[Annotated[int, Field(ge=0)]] = frozenset()
    ends: tuple[Boundary, Boundary] | None = None
    parts: tuple[str, ...] = ()
    shares: Sequence[float] = ()
    kinds: tuple[Literal["a", 1], ...] = ()
    flags: list[bool] = Field([], max_length=2)
    spans: tuple[tuple[int, int], ...] = ()
    own: Annotated[tuple[str, ...], BeforeValidator(lambda text: tuple(text.split("/")))] = ()
    other: tuple[int, ...] = ()
    one_or_more: int | tuple[int, ...] = 0
    name: str = ""

    @field_validator("other", mode="before")
    @classmethod
    def _read(cls, text: Any) -> Any:
        return text.split(";")


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("layers=0+2", "layers", {0, 2}),
        ("layers=2,0", "layers", {0, 2}),
        ("layers=[0, 2]", "layers", {0, 2}),
        ('{"layers": [0, 2]}', "layers", {0, 2}),
        ("layers=2", "layers", {2}),
        ("layers=0,2,name=x", "layers", {0, 2}),
        ("ends=1+3", "ends", (1, 3)),
        ("parts=query+key", "parts", ("query", "key")),
        ("parts=01+C", "parts", ("01", "C")),
        ("parts=C++,D", "parts", ("C++", "D")),
        ("shares=0.5+1e-3", "shares", [0.5, 0.001]),
        ("kinds=a+1", "kinds", ("a", 1)),
        ("flags=true+false", "flags", [True, False]),
        ("own=a+b/c", "own", ("a+b", "c")),
        ("other=1;2", "other", (1, 2)),
        ("one_or_more=3", "one_or_more", 3),
        ("name=0+2", "name", "0+2"),
    ],
)
def test_text_is_taken_apart_as_the_field_says(text: str, field: str, expected: Any) -> None:
    values = parse_arguments(text)
    assert isinstance(values, dict)
    assert getattr(checked(Several, values), field) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layers=0+x", r"^layers\.1 must be a valid integer.*, got 'x'$"),
        ("layers=0+-2", r"^layers\.1 must be >= 0, got -2$"),
        ("ends=1", r"^ends\.1 must be given$"),
        (
            "flags=true+false+true",
            r"^flags must have at most 2 items .*, got \[True, False, True\]$",
        ),
        ("spans=1+2", r"^spans must be a list of values, got '1\+2'$"),
        ("one_or_more=1+2", r"one_or_more"),
        ("kinds=a+b", r"^kinds\.1 must be 'a' or 1, got 'b'$"),
    ],
)
def test_what_breaks_a_rule_is_told_in_one_line(text: str, message: str) -> None:
    values = parse_arguments(text)
    assert isinstance(values, dict)
    with pytest.raises(ConfigError, match=message) as caught:
        checked(Several, values)
    assert "\n" not in str(caught.value)


def test_what_is_written_is_read_again() -> None:
    strategy = Several(layers=frozenset({10, 2, 0}), parts=("b", "a"))
    said = strategy.model_dump(mode="json", exclude_defaults=True)
    assert said == {"layers": [0, 2, 10], "parts": ["b", "a"]}
    assert Several.model_validate(said) == strategy
    written = ",".join(f"{name}={as_argument(value)}" for name, value in said.items())
    assert written == "layers=0+2+10,parts=b+a"
    values = parse_arguments(written)
    assert isinstance(values, dict)
    assert checked(Several, values) == strategy


DUMP = """
from alignfreeze.contracts import FreezingStrategy

class Parts(FreezingStrategy):
    parts: frozenset[str] = frozenset()

print(Parts(parts="query+key+value+dense").model_dump(mode="json"))
"""


def test_sets_are_written_alike_in_every_process() -> None:
    """Python's order of texts in a set differs from process to process."""
    said = {
        subprocess.run(
            [sys.executable, "-c", DUMP],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {"{'parts': ['dense', 'key', 'query', 'value']}\n"}
