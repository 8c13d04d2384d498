"""The command that logs later what could not be logged."""

from pathlib import Path
from typing import Annotated

import typer

from alignfreeze.cli.output import tell


def sync(
    folder: Annotated[
        Path, typer.Argument(help="as the run's last line names it", show_default=False)
    ],
    any_store: Annotated[
        bool, typer.Option("--any-store", help="Even if the store's address is another now.")
    ] = False,
) -> None:
    """Log what a run kept while the tracking store was away."""
    from alignfreeze.tracking.syncing import sync as log

    done = log(folder, any_store=any_store)
    said = (
        f"{done.writes} write(s) are in {done.store}, {len(done.runs)} run(s) were made; "
        "the folder is needed no more"
    )
    tell(
        {"store": done.store, "writes": done.writes, "runs": done.runs},
        lambda: typer.echo(said),
    )
