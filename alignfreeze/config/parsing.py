"""Values of options from text, and what is said of wrong ones."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, NonNegativeFloat
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from alignfreeze.base.paths import LONGEST
from alignfreeze.base.structured import StructureError, read_json, read_yaml
from alignfreeze.messages import MOST_TEXTS, listed, shortened, shown, suggestion


def split_names(value: object) -> object:
    """``"de, fr"`` is the names ``de`` and ``fr``; a number alone is one of them."""
    if not isinstance(value, str):
        return (value,) if type(value) is int else value  # True is one, too
    return tuple(part.strip() for part in value.split(",") if part.strip())


def all_different(values: tuple[object, ...]) -> tuple[object, ...]:
    """Raises ValueError if a value is among them twice."""
    twice = {str(value) for value in values if values.count(value) > 1}
    if twice:
        raise ValueError(f"must not name anything twice: {listed(sorted(map(shortened, twice)))}")
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
            return read_json(value)
        if all(equals and name.strip() for name, equals, _ in pairs):
            names = all_different(tuple(name.strip() for name, *_ in pairs))
            texts = (text for *_, text in pairs)
            return {name: read_yaml(text) for name, text in zip(names, texts, strict=True)}
    except StructureError as error:
        raise ValueError(f"{rule} ({error})") from None
    raise ValueError(rule)


SEPARATOR = "+"
"""What stands between the values of an argument that has several."""


def as_argument(value: Any) -> Any:
    """Several values as the text that a plugin's field reads them from; others as they are."""
    several = isinstance(value, list | tuple | set | frozenset)
    return SEPARATOR.join(map(str, value)) if several else value


def _any_or_at_least_one(value: float) -> float:
    if 0 < value < 1:
        raise ValueError("must be 0 or >= 1")
    return value


def _plain(text: str) -> str:
    """Raises ValueError if a text has a character that no name, path or condition can have."""
    if odd := _ODD.search(text):
        raise ValueError(f"must not have the character U+{ord(odd[0]):04X}")
    return text


_ODD = re.compile(r"[\0-\x08\x0e-\x1f\x7f\ud800-\udfff]")

FOR_ALL = "all"
"""What stands for every task, where a value may be said for each."""


def _parse_lengths(value: object) -> object:
    """``"256"`` is one length for all tasks; ``"qa=384,pos=128"`` is one for each."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value.strip()):
        value = int(value)
    if type(value) is int:
        return {FOR_ALL: value}
    try:
        return parse_arguments(value)
    except ValueError:
        raise ValueError("must be a number, or task=number,…") from None


def _all_or_each(lengths: dict[str, int]) -> dict[str, int]:
    """Raises ValueError if there is one length for all, and others."""
    if FOR_ALL in lengths and len(lengths) > 1:
        raise ValueError("must be one number, or task=number,… for each task by its name")
    return lengths


MANY, LARGEST_BATCH = 10**9, 2**16


def _registered(name: str) -> str:
    """Raises ValueError if a text is no name for MLflow's registry, with an alias or without."""
    if name and not _REGISTERED.fullmatch(name):
        raise ValueError("must be a name of letters, digits and . _ -, or such a name@alias")
    alias = name.partition("@")[2]
    if _RESERVED.fullmatch(alias):
        raise ValueError(f"must have another alias, {alias} is MLflow's own")
    return name


_REGISTERED = re.compile(r"[\w.-]*\w[\w.-]*(@[\w-]{1,255})?")
_RESERVED = re.compile(r"(?i)latest|v\d+")

Ratio = Annotated[NonNegativeFloat, AfterValidator(_any_or_at_least_one)]
Share = Annotated[float, Field(ge=0, lt=1)]
Line = Annotated[str, Field(max_length=LONGEST, strict=True), AfterValidator(_plain)]
Registered = Annotated[Line, AfterValidator(_registered)]
Text = Annotated[Line, Field(min_length=1)]
Count = Annotated[int, Field(gt=0, le=MANY)]
CountOrZero = Annotated[int, Field(ge=0, le=MANY)]
BatchSize = Annotated[int, Field(gt=0, le=LARGEST_BATCH)]
Width = Annotated[int, Field(ge=0, le=LARGEST_BATCH)]
Epochs = Annotated[float, Field(gt=0, le=1e6)]
Length = Annotated[int, Field(ge=8, le=LARGEST_BATCH)]
LearningRate = Annotated[float, Field(ge=1e-12, le=1e38)]
"""Below, a step is lost in a weight's last digit; above, float32 has no number for it."""
Temperature = Annotated[float, Field(ge=1e-4, le=1e4)]
"""A cosine in float32 is right to 6e-8, which a temperature divides: at 1e-4 a logit is right to
6e-4. At 1e4 all logits of a batch are within 2e-4, and there is next to nothing to learn."""
Names = Annotated[tuple[Text, ...], BeforeValidator(split_names), AfterValidator(all_different)]
EvalLengths = Annotated[
    dict[str, Length], BeforeValidator(_parse_lengths), AfterValidator(_all_or_each)
]
"""Subwords by task; `FOR_ALL` stands for every task."""
Layers = Annotated[
    tuple[int, ...],
    BeforeValidator(split_names),
    Field(min_length=1),
    AfterValidator(all_different),
]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(split_names), AfterValidator(all_different)]
Arguments = Annotated[dict[str, Any], BeforeValidator(parse_arguments)]
When = Literal["before", "during", "before+during", "after"]
"""When an encoder is realigned: before, while or after it is fine-tuned."""
Whens = Annotated[tuple[When, ...], BeforeValidator(split_names), AfterValidator(all_different)]


def option_names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the names that they are given by."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


_KIND = r"^(Value error, |(Value|Input|String|Tuple|List|Set|Frozenset) )"
"""How pydantic begins to say a rule."""


def unknown(name: str, what: str, known: Iterable[str]) -> str:
    """What is said of a name that is not known: which may be meant; else, or if few, all known."""
    names = list(known)
    hint = suggestion(name, names)
    if not hint or len(names) <= MOST_TEXTS:
        hint = f"{hint or ';'} known: {', '.join(names) or 'none'}"
    return f"{shortened(name)} is not {what}{hint}"


def describe_error(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One of pydantic's complaints in one line: the option, the rule, the value."""
    name = ".".join(shortened(str(part)) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return unknown(name, "a known option", option_names(model))
    if error["type"] == "missing":
        return f"{name} must be given"
    rule = re.sub(_KIND, "", error["msg"])
    rule = re.sub(r"^should ", "must ", rule)
    rule = re.sub(r"a valid (tuple|list|set|frozenset)$", "a list of values", rule)
    for limit in error.get("ctx", {}).values():
        if isinstance(limit, float):  # pydantic writes all zeros of 1e38
            rule = re.sub(r"[\d.]+$", f"{limit:.12g}", rule)
    for words, sign in (("greater than", ">"), ("less than", "<")):
        rule = rule.replace(f"{words} or equal to", f"{sign}=").replace(words, sign)
    if not name:  # a rule for several options, which it names
        return rule
    value = f", got {shown(error['input'])}"
    return f"{name} {rule}{value}" if rule.startswith("must") else f"{name}: {rule}{value}"
