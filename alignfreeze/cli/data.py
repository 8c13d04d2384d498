"""The commands about data folders."""

from dataclasses import asdict
from inspect import Parameter
from typing import Annotated

import typer

from alignfreeze.cli.output import OUTPUT, tell
from alignfreeze.cli.shared import Commands
from alignfreeze.cli.terminal import PlainConsole, show
from alignfreeze.errors import AlignFreezeError

data_app = Commands(help="What lies in a data folder.", no_args_is_help=True)

WIDE = 140
"""Columns of a table that goes to a file."""

_PLACE = Annotated[str, typer.Argument(help="data folder, or as data= of a run", metavar="folder")]

CHECKED = (Parameter("place", Parameter.POSITIONAL_OR_KEYWORD, annotation=_PLACE),)
"""The parameters of `check` beside the options of a run."""


def check(place: str, **options: str) -> None:
    """Read a whole data folder, and tell what a run would.

    With ``--verbose``, also how often each label occurs, and all that readers tell.
    """
    from alignfreeze.config import build_config, merged_options, with_origin
    from alignfreeze.data.finding import find_data

    find_data(place)  # before what is heavy is imported

    from alignfreeze.datacheck.report import check_data
    from alignfreeze.datacheck.terminal import lines, tables

    given = merged_options(options)
    options |= {"data": place}
    config = build_config(options)
    report = check_data(config, every_task="task" not in given, any_model="model" not in given)
    report.problems = [with_origin(problem, options) for problem in report.problems]
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    tell(
        asdict(report),
        lambda: show(console, tables(report), (), lines(report, verbose=OUTPUT.verbose)),
    )
    if report.problems:
        raise AlignFreezeError(f"a run on {place} would fail: {len(report.problems)} problem(s)")
