"""The parameter that a field of a pydantic model is, by its type and its bounds."""

import math
from collections.abc import Iterable
from enum import Enum
from fractions import Fraction
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from alignfreeze.encoders.freezing import counts_layers
from alignfreeze.errors import ConfigError
from alignfreeze.search.parameters import Choice, FloatRange, IntRange, Parameter, exact


def derived(name: str, info: FieldInfo, n_layers: int) -> Parameter | None:
    """What a field may be: a range from its two bounds, or a choice from its literals.

    Args:
        name: For messages.
        info: The field. What is optional is searched among its values other than ``None``.
        n_layers: Upper bound of a field that is marked with `LayerBoundary`.

    Returns:
        The parameter; ``None`` for a field that has not both bounds, or any other type.

    Raises:
        ConfigError: If no number is within the bounds.
    """
    annotation, marks = _only_branch(info)
    if get_origin(annotation) is Literal:
        return Choice(tuple(_plain(value) for value in get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        values = tuple(member.value for member in annotation)
        return Choice(values) if all(isinstance(value, int | str) for value in values) else None
    if annotation not in (int, float):
        return None
    lows = [(value, True) for value in _marked(marks, "gt")]
    lows += [(value, False) for value in _marked(marks, "ge")]
    highs = [(value, False) for value in _marked(marks, "lt")]
    highs += [(value, True) for value in _marked(marks, "le")]
    highs += [(Fraction(n_layers), True)] if counts_layers(info) else []
    if not lows or not highs:
        return None
    (low, above), (high, closed) = max(lows), min(highs)
    if annotation is float and not _marked(marks, "multiple_of"):
        parameter: IntRange | FloatRange = _interval(float(low), float(high), above, not closed)
    else:
        parameter = _grid(low, high, above, not closed, _marked(marks, "multiple_of"), annotation)
    if parameter.low > parameter.high:
        raise ConfigError(
            f"{name} must have a value to search, but none is from {parameter.low} "
            f"to {parameter.high}" + (", the encoder's layers" if counts_layers(info) else "")
        )
    return parameter


def number_type(info: FieldInfo) -> type[int] | type[float] | None:
    """``int`` or ``float`` for a field that holds one, be it optional; else ``None``."""
    annotation = _only_branch(info)[0]
    return annotation if annotation in (int, float) else None


def _only_branch(info: FieldInfo) -> tuple[Any, list[Any]]:
    """A field's type without what marks it and without ``None``, and its marks.

    A union of several other types stays one.
    """
    annotation: Any = info.annotation
    marks = list(info.metadata)
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            marks += [m for mark in more for m in _unpacked(mark)]
            continue
        branches = [branch for branch in get_args(annotation) if branch is not NoneType]
        if get_origin(annotation) not in (Union, UnionType) or len(branches) > 1:
            return annotation, marks
        annotation = branches[0]


def _unpacked(mark: Any) -> Iterable[Any]:
    return mark.metadata if isinstance(mark, FieldInfo) else [mark]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _marked(marks: Iterable[Any], bound: str) -> list[Fraction]:
    """The finite values that marks give to a bound: ``ge``, ``multiple_of``, and so on."""
    found = (getattr(mark, bound, None) for mark in marks)
    return [exact(value) for value in found if value is not None and math.isfinite(value)]


def _interval(low: float, high: float, above: bool, below: bool) -> FloatRange:
    """The numbers between two bounds, which are not among them if they are above or below."""
    return FloatRange(
        math.nextafter(low, math.inf) if above else low,
        math.nextafter(high, -math.inf) if below else high,
    )


def _grid(
    low: Fraction, high: Fraction, above: bool, below: bool, steps: list[Fraction], number: type
) -> IntRange | FloatRange:
    """The multiples of a step, of 1 for integers, between two bounds."""
    step = max((s for s in steps if number is float or s % 1 == 0), default=Fraction(1))
    first = math.ceil(low / step) * step
    last = math.floor(high / step) * step
    first += step if above and first == low else 0
    last -= step if below and last == high else 0
    if number is int:
        return IntRange(int(first), int(last), int(step))
    return FloatRange(float(first), float(last), step=float(step))
