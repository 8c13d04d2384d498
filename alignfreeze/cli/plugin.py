"""The commands about plugins of one's own."""

from enum import StrEnum
from typing import Annotated

import typer

from alignfreeze.cli.output import tell
from alignfreeze.cli.shared import Commands
from alignfreeze.cli.terminal import PlainConsole, print_lines

plugin_app = Commands(help="Plugins of one's own.", no_args_is_help=True)


class Kind(StrEnum):
    """The kinds of plugins, as the registry calls them."""

    STRATEGY = "strategy"
    TASK = "task"
    ALIGNER = "aligner"
    OBJECTIVE = "objective"


@plugin_app.command("new", help="Make a distribution with a plugin, whose tests pass as it is.")
def _new(
    name: Annotated[str, typer.Argument(help="what it is asked for by", show_default=False)],
    kind: Annotated[Kind, typer.Option(help="what it is", show_default=False)],
    output: Annotated[str, typer.Option(help="folder to put it into")] = ".",
) -> None:
    from alignfreeze.base.paths import user_path
    from alignfreeze.scaffolding.making import make_plugin
    from alignfreeze.scaffolding.naming import plugin_names

    folder = make_plugin(plugin_names(name, kind.value), user_path("output", output))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    commands = f"cd {folder}", "pip install -e '.[test]'", "pytest", "alignfreeze plugins"
    lines = [*map(str, files), "", "next:", *(f"  {command}" for command in commands)]
    tell({"folder": folder, "files": files}, lambda: print_lines(PlainConsole(), lines))
