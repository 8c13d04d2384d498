"""The options of each command, made of the fields of configurations; text, as MLflow has it."""

import inspect
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from alignfreeze.benchmark.settings import BenchmarkConfig
from alignfreeze.cli import dry_run
from alignfreeze.cli.completion import completion_of
from alignfreeze.cli.shared import KINDS, MOST
from alignfreeze.config import Command, Panel, Role, RunConfig, fields_with
from alignfreeze.report.settings import ReportConfig
from alignfreeze.scoring.settings import ScoreConfig
from alignfreeze.search.settings import SearchConfig
from alignfreeze.workers.settings import WorkersConfig


class _Files(BaseModel):
    """Where a run's other options come from."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    preset: str = ""
    """options by name: demo, demo-all, standard, paper, paper-as-run, each but the demos with -xlmr
    too (default: demo, or standard for other data or another model)"""
    config: str = ""
    """YAML file of options, such as a run's config.yaml"""


_FILES = _Files.model_fields


def _taken_by(command: Command) -> dict[str, FieldInfo]:
    taken = fields_with(RunConfig, lambda role: command in role.commands)
    return {name: RunConfig.model_fields[name] for name in taken}


_CHECKED_TOO = ("missing", "realign_max_length")
"""What a check of data goes by, though the data that is read does not depend on it."""


def _checked_with() -> dict[str, FieldInfo]:
    """What a check of data goes by, but for the data's place."""
    used = {*fields_with(RunConfig, lambda role: role.read), *_CHECKED_TOO} - {"data"}
    return {name: field for name, field in RunConfig.model_fields.items() if name in used}


OPTIONS: Mapping[str, Mapping[str, FieldInfo]] = {
    "run": _FILES | _taken_by(Command.RUN) | dry_run.OPTION,
    "realign": _FILES | _taken_by(Command.REALIGN) | dry_run.OPTION,
    "evaluate": _FILES | _taken_by(Command.EVALUATE) | dry_run.OPTION,
    "search": _FILES | _taken_by(Command.SEARCH) | SearchConfig.model_fields,
    "benchmark": BenchmarkConfig.model_fields | _taken_by(Command.BENCHMARK),
    "report": ReportConfig.model_fields,
    "align": _taken_by(Command.ALIGN),
    "score": ScoreConfig.model_fields | _taken_by(Command.SCORE),
    "data check": _FILES | _checked_with(),
    "config": _FILES | RunConfig.model_fields,
}
"""The options of each command by name; those of the first six are also what `mlflow run -P` takes
for the entry point of that name."""


def signature(command: str, *first: inspect.Parameter) -> inspect.Signature:
    """Some parameters of a function, then the options of a command in the order of its help."""
    panels = [None, *(panel.value for panel in Panel), *_OTHER_PANELS]
    options = [(_panel(*item), *item) for item in OPTIONS[command].items()]
    options.sort(key=lambda option: panels.index(option[0]))
    return inspect.Signature([*first, *(_option(*option) for option in options)])


_OTHER_PANELS = ("Workers",)


def _panel(name: str, field: FieldInfo) -> str | None:
    """The panel of the help that has an option; ``None``: the first, of what is the command's."""
    for mark in field.metadata:
        if isinstance(mark, Role):
            return mark.panel.value
    return "Workers" if name in WorkersConfig.model_fields else None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _option(panel: str | None, name: str, field: FieldInfo) -> inspect.Parameter:
    """A text option, or a switch; an empty text, or neither position, means not given."""
    text, default = " ".join((field.description or "").split()), _default(field)
    declared: str = _flag(name)
    kind: Any = str
    if is_switch(field):
        declared, kind = f"{declared}/{_flag(f'no_{name}')}", bool | None
    option = typer.Option(
        declared,
        help=f"{text} (default: {default})" if default else text,
        show_default=False,
        metavar=None if is_switch(field) else _metavar(field.annotation),
        rich_help_panel=panel,
        autocompletion=completion_of(name, field),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if is_switch(field) else "",
        annotation=Annotated[kind, option],
    )


def is_switch(field: FieldInfo) -> bool:
    """Whether an option is true or false."""
    return field.annotation is bool


def _default(field: FieldInfo) -> str:
    """A default as it would be given; empty where the help says what comes in place of one."""
    default = field.default
    if default in (None, "", (), PydanticUndefined):
        return ""
    if is_switch(field):
        return "on" if default else "off"
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _metavar(annotation: Any) -> str:
    """A type as the help shows it: ``INTEGER``, ``[bf16|fp32]``, ``TEXT,…``, ``NAME=VALUE,…``."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _metavar(inner[0])
    if origin in (Union, UnionType):
        return _metavar(next(kind for kind in inner if kind is not NoneType))
    if origin is Literal:
        return _choices(inner)
    if origin is tuple:
        return f"{_metavar(inner[0])},…"
    if origin is dict:
        return "NAME=VALUE,…"
    return KINDS[annotation.__name__]


def _choices(names: Sequence[str]) -> str:
    """``[bf16|fp32]``; many are broken in two, or the help would do so within a name."""
    text = f"[{'|'.join(names)}]"
    if len(text) <= MOST:
        return text
    half = len(names) // 2
    return f"[{'|'.join(names[:half])}|\n{'|'.join(names[half:])}]"


def as_text(value: str | bool | None) -> str:
    """The value of an option as configurations are built from it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value).lower()
