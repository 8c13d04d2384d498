"""JSON and YAML that somebody else wrote, read within limits; errors say where and which rule."""

import json
import math
from collections.abc import Hashable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from alignfreeze.messages import as_line, shown

MOST_LEVELS = 100
"""Lists and mappings within each other."""

MOST_DIGITS = 400
"""Characters of a number; a float's largest has 309 digits."""

MOST_YAML = 200_000
"""Characters of a YAML file: what people write by hand is shorter, and more takes long to read."""


class StructureError(ValueError):
    """A text is no JSON or YAML, or breaks a limit.

    Attributes:
        line: Where, counted from 1; ``None`` where that is not known.
    """

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        place = "" if line is None else f"line {line}, column {column}: "
        super().__init__(f"{place}{reason}")
        self.reason = reason
        self.line = line


def read_json(text: str, *, finite: bool = True) -> Any:
    """The value of a text in JSON.

    Args:
        text: The text.
        finite: Whether to refuse NaN and infinity, which JSON has not, but Python writes.

    Raises:
        StructureError: If it is none, has a key twice in an object, a number that is not finite or
            is too long, or too many levels.
    """
    try:
        value = _DECODERS[finite].decode(text)
    except json.JSONDecodeError as error:
        raise StructureError(error.msg, error.lineno, error.colno) from None
    except RecursionError:
        raise StructureError(_TOO_DEEP) from None
    _check_levels(value)
    return value


_TOO_DEEP = f"lists or objects must be nested at most {MOST_LEVELS} levels deep"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise StructureError(f"an object must not have a key twice, got {shown(twice)}")
    return found


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise StructureError(_too_long(text))
    return int(text)


def _float(text: str) -> float:
    if len(text) > MOST_DIGITS:
        raise StructureError(_too_long(text))
    value = float(text)
    if not math.isfinite(value):
        _not_finite(text)
    return value


def _not_finite(text: str) -> NoReturn:
    raise StructureError(f"a number must be finite, got {shown(text)}")


def _too_long(text: str) -> str:
    return f"a number must have at most {MOST_DIGITS} digits, got {len(text):,}"


_DECODERS = {
    finite: json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_float if finite else None,
        parse_constant=_not_finite if finite else None,
    )
    for finite in (True, False)
}


def _check_levels(value: Any) -> None:
    """Raises StructureError if lists and objects are too deep within each other."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for outer in level
            if type(outer) is dict or type(outer) is list
            for inner in (outer.values() if type(outer) is dict else outer)
        ]
        if not level:
            return
    raise StructureError(_TOO_DEEP)


def read_yaml(text: str, most: int = MOST_YAML) -> Any:
    """The value of a text in YAML, of what JSON has; a date is a text.

    Args:
        text: The text.
        most: How many characters it may have, and half as many values, as it can have without
            aliases: those of an alias are counted wherever it stands.

    Raises:
        StructureError: If it is none; or has a key twice in a mapping, a tag but that of texts, a
            number that is too long, an alias within what it stands for, or too much of anything.
    """
    if len(text) > most:
        raise StructureError(f"{_too_many(most)}, has {len(text):,}")
    try:
        loader = _Loader(text, most // 2)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        raise StructureError(f"must not have the character U+{error.character:04X}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = as_line(", ".join(filter(None, (error.context, error.problem))))
        at = () if mark is None else (mark.line + 1, mark.column + 1)
        raise StructureError(reason, *at) from None
    except yaml.YAMLError as error:
        raise StructureError(as_line(str(error))) from None


def text_of(path: Path, most: int = MOST_YAML) -> str:
    """The text of a file that may have so many characters; not much more of it is read.

    Raises:
        OSError: If it cannot be read.
        StructureError: If it has more, or is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(4 * most + 1)
    if len(content) > 4 * most:
        raise StructureError(_too_many(most))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StructureError("must be UTF-8", line, 1) from None


def _too_many(most: int) -> str:
    return f"must have at most {most:,} characters"


class _Loader(yaml.SafeLoader):
    """Composes nodes within limits: what is refused is refused before anything is made of it."""

    def __init__(self, text: str, most_values: int) -> None:
        super().__init__(text)
        self._levels = self._values = 0
        self._most = most_values
        self._sizes: dict[yaml.Node, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) not in (None, _TEXT):
            self._refuse(event, f"a value must have no tag but !!str, got {shown(event.tag)}")
        self._levels += 1
        # The document itself is a level, and so is what stands in the innermost list.
        if self._levels > MOST_LEVELS + 1:
            self._refuse(event, _TOO_DEEP)
        before = self._values
        if isinstance(event, yaml.AliasEvent):
            node = self.anchors.get(event.anchor)
            if node is not None and node not in self._sizes:
                self._refuse(event, f"an alias must not be in what it names, got *{event.anchor}")
            self._values += self._sizes.get(node, 0) if node else 0
        node = super().compose_node(parent, index)
        if node is not None and node not in self._sizes:
            self._values += 1
            self._sizes[node] = self._values - before
        if self._values > self._most:
            rule = f"must have at most {self._most:,} values, those of aliases counted each time"
            self._refuse(event, rule)
        self._levels -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[Hashable] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, "a key must be a text, a number, true, false or null")
            name = "<<" if key.tag == _MERGE else self.construct_object(key)
            if name in seen:
                self._refuse(key, f"a mapping must not have a key twice, got {shown(key.value)}")
            seen.add(name)
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        tag = str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
        return _TEXT if tag == _DATE else tag

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
            self._refuse(node, _too_long(node.value))
        return super().construct_scalar(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # 0b_
            self._refuse(node, f"{as_line(str(error))}, got {shown(node.value)}")

    def _refuse(self, place: Any, reason: str) -> NoReturn:
        raise yaml.MarkedYAMLError(problem=reason, problem_mark=place.start_mark)


_TEXT = "tag:yaml.org,2002:str"
_DATE = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
