"""The options of each command, made of the fields of configurations; text, as MLflow has it."""

import inspect
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Annotated

import typer
from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from alignfreeze.benchmark.settings import BenchmarkConfig
from alignfreeze.cli import dry_run
from alignfreeze.config import Command, RunConfig, fields_with
from alignfreeze.report.settings import ReportConfig
from alignfreeze.search.settings import SearchConfig

_FILES: dict[str, FieldInfo] = {
    "preset": Field(
        description="options by name: demo, demo-all, paper, paper-xlmr (default: demo, or paper "
        "for other data or another model)"
    ),
    "config": Field(description="YAML file of options, such as a run's config.yaml"),
}


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
    "data check": _FILES | _checked_with(),
}
"""The options of each command by name; but for the last two, which track nothing, they are the
parameters of MLproject's entry points."""


def signature(command: str, *first: inspect.Parameter) -> inspect.Signature:
    """Some parameters of a function, then the options of a command in their order."""
    return inspect.Signature([*first, *(_option(*item) for item in OPTIONS[command].items())])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """A text option; an empty text means not given, as MLflow's defaults need it."""
    text, default = " ".join((field.description or "").split()), field.default
    if default not in (None, "", (), PydanticUndefined):
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        text += f" (default: {shown})"
    option = typer.Option(_flag(name), help=text, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default="", annotation=Annotated[str, option]
    )


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """``--resume`` alone is ``--resume true``: options have values, as MLflow's parameters do."""
    command = next((c for c in OPTIONS if [*arguments[: len(c.split())]] == c.split()), "")
    options = OPTIONS.get(command, {})
    switches = {_flag(name) for name, field in options.items() if field.annotation is bool}
    found: list[str] = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue="--"):
        found.append(argument)
        if argument in switches and following.startswith("--"):
            found.append("true")
    return found
