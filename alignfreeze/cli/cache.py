"""The commands about the cache: what it holds, and what of it goes."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console

cache_app = typer.Typer(help="What the cache holds, and what of it may go.")


@cache_app.callback(invoke_without_command=True)
def _show(context: typer.Context) -> None:
    if context.invoked_subcommand is not None:
        return
    from alignfreeze.housekeeping.pruning import look

    cache, console = look(), Console()
    console.print(cache.table())
    hint = "`alignfreeze cache prune --dry-run` tells what may go, and why"
    _say(console, [*cache.lines(), hint])


@cache_app.command("prune", help="Remove what nobody needs any more, or has used for long.")
def _prune(
    older_than: Annotated[
        str,
        typer.Option(
            help="caches, too, that were not used for so long: 30d, 12h, 2w", show_default=False
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, only tell.")] = False,
) -> None:
    from alignfreeze.housekeeping import pruning

    pruning.check_root()
    cache, console = pruning.look(pruning.older_than(older_than)), Console()
    going = cache.going
    _say(console, [f"{e.path}: {pruning.size_text(e.size)}, {why}" for e, why in going])
    size = sum(entry.size for entry, _ in going) if dry_run else pruning.prune(cache)
    done = "would be removed" if dry_run else "removed"
    outcome = f"{len(going)} of {len(cache.judged)} {done}: {pruning.size_text(size)}"
    _say(console, [*cache.lines(), outcome])


def _say(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
