"""The command that tells what a run would be done with, and why."""

import json
from collections.abc import Mapping
from math import inf
from typing import Any

from alignfreeze.cli.output import tell
from alignfreeze.cli.terminal import PlainConsole, print_lines
from alignfreeze.config import DEFAULT, Sourced, build_config, sourced_options

MOST = 40
"""Columns that a value takes, before where it comes from, unless it is longer."""


def config(**options: str) -> None:
    """Tell all options of a run, and where each value comes from."""
    values = build_config(options).model_dump(mode="json")
    origins = sourced_options(options)
    found = {
        n: Sourced(v, origins[n].origin if n in origins else DEFAULT) for n, v in values.items()
    }
    tell(
        {"options": {name: sourced._asdict() for name, sourced in found.items()}},
        lambda: print_lines(PlainConsole(), _lines(found)),
    )


def _lines(found: Mapping[str, Sourced]) -> list[str]:
    """The options as YAML that ``config=`` takes, with where each comes from as a comment."""
    lines = [(_yaml(name, sourced.value), sourced.origin) for name, sourced in found.items()]
    width = min(max(len(text) for text, _ in lines), MOST)
    return [f"{text:<{width}}  # {origin}" for text, origin in lines]


def _yaml(name: str, value: Any) -> str:
    """An option as one line of YAML, whatever is in its value."""
    import yaml

    line = yaml.safe_dump({name: value}, default_flow_style=True, allow_unicode=True, width=inf)
    line = line.strip()[1:-1]
    return f"{name}: {json.dumps(value)}" if "\n" in line else line
