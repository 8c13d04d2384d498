"""Dry runs on the command line: told of, in place of done."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from alignfreeze.benchmark.settings import BenchmarkConfig
from alignfreeze.cli.output import is_first, tell
from alignfreeze.cli.terminal import PlainConsole, print_lines
from alignfreeze.config import checked

NAME = "dry_run"

OPTION = {NAME: BenchmarkConfig.model_fields[NAME]}
"""The option, which says the same of a run and of a grid of runs."""


class _DryRun(BaseModel):
    dry_run: bool = False


def without_dry_run(options: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """The options of the run itself, and whether it is only to be told of.

    Raises:
        ConfigError: If that is neither true nor false.
    """
    given: dict[str, Any] = {name: text for name, text in options.items() if name == NAME and text}
    rest = {name: text for name, text in options.items() if name != NAME}
    return rest, checked(_DryRun, given).dry_run


def tell_plan(command: str, options: Mapping[str, str]) -> None:
    """Print what a command would do with some options, without the one that asks for this."""
    from alignfreeze.planning.dry_run import PLANS

    plan = PLANS[command](options)

    def show() -> None:
        console = PlainConsole()
        console.print(plan.table())
        print_lines(console, plan.lines())

    if is_first():
        tell(asdict(plan), show)
