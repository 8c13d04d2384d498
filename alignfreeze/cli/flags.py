"""The options of each command, made of the fields of configurations; text, as MLflow has it."""

import inspect
from collections.abc import Sequence
from itertools import chain
from typing import Annotated

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from alignfreeze.benchmark.settings import BenchmarkConfig
from alignfreeze.config import Command, RunConfig, fields_with
from alignfreeze.report.settings import ReportConfig
from alignfreeze.search.settings import SearchConfig

_FILES = ("preset", "config")


def _taken_by(command: Command) -> tuple[str, ...]:
    return fields_with(RunConfig, lambda role: command in role.commands)


OPTIONS: dict[str, list[str]] = {
    "run": [*_FILES, *_taken_by(Command.RUN)],
    "realign": [*_FILES, *_taken_by(Command.REALIGN)],
    "evaluate": [*_FILES, *_taken_by(Command.EVALUATE)],
    "search": [*_FILES, *_taken_by(Command.SEARCH), *SearchConfig.model_fields],
    "benchmark": [*BenchmarkConfig.model_fields, *_taken_by(Command.BENCHMARK)],
    "report": list(ReportConfig.model_fields),
    "align": list(_taken_by(Command.ALIGN)),
}
"""The options of each command; but for ``align``, which tracks nothing, they are the parameters of
MLproject's entry points."""

_HELP = {
    "preset": "options by name: demo, demo-all, paper, paper-xlmr (default: demo, or paper for "
    "other data or another model)",
    "config": "YAML file of options, such as a run's config.yaml",
}

_USUAL_MODELS: tuple[type[BaseModel], ...] = (RunConfig, SearchConfig)

_MODELS: dict[str, tuple[type[BaseModel], ...]] = {
    "benchmark": (BenchmarkConfig, RunConfig),
    "report": (ReportConfig,),
}
"""Whose fields the options of a command are, where not those of a run and of a search."""


def signature(command: str) -> inspect.Signature:
    """The options of a command as the parameters of a function, in their order."""
    models = _MODELS.get(command, _USUAL_MODELS)
    return inspect.Signature([_option(name, models) for name in OPTIONS[command]])


def _option(name: str, models: Sequence[type[BaseModel]]) -> inspect.Parameter:
    """A text option; an empty text means not given, as MLflow's defaults need it."""
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default="",
        annotation=Annotated[
            str,
            typer.Option(
                "--" + name.replace("_", "-"),
                help=_field_help(name, models),
                show_default=False,
            ),
        ],
    )


def _field_help(name: str, models: Sequence[type[BaseModel]]) -> str:
    field = next((m.model_fields[name] for m in models if name in m.model_fields), None)
    if field is None:
        return _HELP[name]
    default = field.default
    if default in (None, "", (), PydanticUndefined):
        return field.description or ""
    text = ",".join(str(part) for part in default) if isinstance(default, tuple) else default
    return f"{field.description} (default: {text})"


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """``--resume`` alone is ``--resume true``: options have values, as MLflow's parameters do."""
    models: list[type[BaseModel]] = [*_USUAL_MODELS, *chain.from_iterable(_MODELS.values())]
    switches = {
        "--" + name.replace("_", "-")
        for model in models
        for name, field in model.model_fields.items()
        if field.annotation is bool
    }
    found: list[str] = []
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        found.append(argument)
        if argument in switches and following.startswith("--"):
            found.append("true")
    return found
