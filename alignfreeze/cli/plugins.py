"""The command that lists plugins."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from alignfreeze.cli.output import OUTPUT, tell
from alignfreeze.cli.terminal import PlainConsole

if TYPE_CHECKING:
    from alignfreeze.contracts.registry import PluginInfo

OURS = "alignfreeze "
"""How the distribution of the plugins begins that come with this program."""


def plugins() -> None:
    """List strategies, tasks, aligners and objectives, and what is wrong with them."""
    from alignfreeze.contracts.registry import catalogue

    found = catalogue()
    tell({"plugins": found}, lambda: _show(found))


def _show(found: "Sequence[PluginInfo]") -> None:
    console = PlainConsole()
    for kind, members in groupby(found, key=lambda plugin: plugin.kind):
        table = Table(box=None, show_header=False, pad_edge=False, title_justify="left")
        table.title, table.title_style = Text(kind), "bold"
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for plugin in members:
            table.add_row(f"  {plugin.name}", _described(plugin))
        console.print(table)
        console.print()


def _described(plugin: "PluginInfo") -> Text:
    """What a plugin does, or what is wrong with it; what it takes, and where it is from."""
    if plugin.problem is not None:
        return Text.assemble(("broken:", "red"), f" {plugin.problem}")
    lines = [Text(plugin.summary)]
    if plugin.fields:
        lines.append(Text(", ".join(plugin.fields), "dim"))
    if not plugin.distribution.startswith(OURS):
        lines.append(Text(f"from {plugin.distribution}", "dim"))
    if OUTPUT.verbose and plugin.languages:
        codes = " ".join(plugin.languages)
        lines.append(Text(f"{len(plugin.languages)} languages: {codes}", "dim"))
    return Text("\n").join(lines)
