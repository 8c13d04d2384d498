"""Fields that hold several values, as text gives them: ``0+2``, ``0,2``, or one value alone."""

from collections.abc import Collection, Mapping, Sequence, Set
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, PlainValidator, WrapValidator

from alignfreeze.base.structured import StructureError, read_yaml
from alignfreeze.config import SEPARATOR

COLLECTIONS = (list, tuple, set, frozenset, Sequence, Set, Collection)

OWN_WAYS = (BeforeValidator, WrapValidator, PlainValidator)
"""Marks of a field that reads its values in a way of its own."""


def with_lists(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field, or by its alias, those of text taken apart where a field holds several.

    A field that has a validator of its own for what it is given gets that as it is, and so does one
    whose items hold several values themselves.
    """
    names = {info.alias or name: name for name, info in model.model_fields.items()}
    names |= {name: name for name in model.model_fields}
    found = dict(values)
    for key in found.keys() & names.keys():
        name, value = names[key], found[key]
        if isinstance(value, str | int | float) and holds_several(model, name):
            found[key] = _parts(value, _item_type(model.model_fields[name].annotation))
    return found


def holds_several(model: type[BaseModel], field: str) -> bool:
    """Whether a field holds several single values, which a text may give."""
    several = _item_type(model.model_fields[field].annotation) is not None
    return several and not _has_own_way(model, field)


def _has_own_way(model: type[BaseModel], field: str) -> bool:
    """Whether a field is read by a validator that its author wrote for it."""
    if any(isinstance(mark, OWN_WAYS) for mark in model.model_fields[field].metadata):
        return True
    written = model.__pydantic_decorators__.field_validators.values()
    return any(
        own.info.mode != "after" and not {field, "*"}.isdisjoint(own.info.fields) for own in written
    )


def _item_type(annotation: Any) -> Any | None:
    """The type of a collection's values, each of which is a single one; ``None`` for others."""
    if get_origin(annotation) is Annotated:
        return _item_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        branches = [branch for branch in get_args(annotation) if branch is not NoneType]
        return _item_type(branches[0]) if len(branches) == 1 else None
    if (get_origin(annotation) or annotation) not in COLLECTIONS:
        return None
    item = next((part for part in get_args(annotation) if part is not Ellipsis), Any)
    while get_origin(item) is Annotated:
        item = get_args(item)[0]
    several = (get_origin(item) or item) in (*COLLECTIONS, dict, Mapping)
    return None if several else item


def _parts(value: str | float, item: Any) -> list[Any]:
    """The values that a text stands for; a value that is no text is one."""
    if not isinstance(value, str):
        return [value]
    separator = "," if "," in value else SEPARATOR
    parts = [part.strip() for part in value.split(separator) if part.strip()]
    return parts if item is str else [_as_yaml(part) for part in parts]


def _as_yaml(text: str) -> Any:
    """The number, or whatever it is, that a text means."""
    try:
        return read_yaml(text)
    except StructureError:
        return text
