"""Values of options from text, and what is said of wrong ones."""

import json
import re
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, NonNegativeFloat
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails


def split_names(value: object) -> object:
    """``"de, fr"`` is the names ``de`` and ``fr``."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def all_different(values: tuple[object, ...]) -> tuple[object, ...]:
    """Raises ValueError if a value is among them twice."""
    twice = {str(value) for value in values if values.count(value) > 1}
    if twice:
        raise ValueError(f"must not name anything twice: {', '.join(sorted(twice))}")
    return values


def parse_arguments(value: object) -> object:
    """``"boundary=3,embeddings=true"``, or a JSON object, is a mapping.

    A comma stands between two arguments where a name and ``=`` follow it, else it is the value's
    own: ``"ner.labels=PER,ORG,ner.other=O"`` are two.
    """
    if not isinstance(value, str):
        return value
    rule = "must be name=value,… or a JSON object"
    parts = (part.strip(" ,") for part in re.split(r",(?=[^,=]*=)", value))
    pairs = [part.partition("=") for part in parts if part]
    try:
        if value.lstrip().startswith("{"):
            return json.loads(value)
        if all(equals and name.strip() for name, equals, _ in pairs):
            names = all_different(tuple(name.strip() for name, *_ in pairs))
            texts = (text for *_, text in pairs)
            return {name: yaml.safe_load(text) for name, text in zip(names, texts, strict=True)}
    except json.JSONDecodeError as error:
        raise ValueError(f"{rule} ({error})") from None
    except (yaml.YAMLError, RecursionError):
        pass
    raise ValueError(rule)


def _any_or_at_least_one(value: float) -> float:
    if 0 < value < 1:
        raise ValueError("must be 0 or >= 1")
    return value


Ratio = Annotated[NonNegativeFloat, AfterValidator(_any_or_at_least_one)]
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(split_names), AfterValidator(all_different)]
Layers = Annotated[
    tuple[int, ...],
    BeforeValidator(split_names),
    Field(min_length=1),
    AfterValidator(all_different),
]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(split_names), AfterValidator(all_different)]
Arguments = Annotated[dict[str, Any], BeforeValidator(parse_arguments)]


def option_names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the names that they are given by."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def describe_error(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One of pydantic's complaints in one line: the option, the rule, the value."""
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name} is not a known option; known: {', '.join(option_names(model)) or 'none'}"
    if error["type"] == "missing":
        return f"{name} must be given"
    rule = re.sub(r"^(Value error, |Value |Input |String |Tuple )", "", error["msg"])
    rule = re.sub(r"^should ", "must ", rule)
    for words, sign in (("greater than", ">"), ("less than", "<")):
        rule = rule.replace(f"{words} or equal to", f"{sign}=").replace(words, sign)
    if not name:  # a rule for several options, which it names
        return rule
    value = f", got {error['input']!r}"
    return f"{name} {rule}{value}" if rule.startswith("must") else f"{name}: {rule}{value}"
