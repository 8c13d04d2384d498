"""The commands about the cache: what it holds, and what of it goes."""

from typing import Annotated

import typer

from alignfreeze.cli.terminal import PlainConsole, print_lines

cache_app = typer.Typer(help="What the cache holds, and what of it may go.")


@cache_app.callback(invoke_without_command=True)
def _show(context: typer.Context) -> None:
    if context.invoked_subcommand is not None:
        return
    from alignfreeze.housekeeping.pruning import look

    cache, console = look(), PlainConsole()
    console.print(cache.table())
    hint = "`alignfreeze cache prune --dry-run` tells what may go, and why"
    print_lines(console, [*cache.lines(), hint])


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

    cache, console = pruning.look(pruning.older_than(older_than)), PlainConsole()
    going = cache.going
    print_lines(console, [f"{e.path}: {pruning.size_text(e.size)}, {why}" for e, why in going])
    size = sum(entry.size for entry, _ in going) if dry_run else pruning.prune(cache)
    done = "would be removed" if dry_run else "removed"
    outcome = f"{len(going)} of {len(cache.judged)} {done}: {pruning.size_text(size)}"
    print_lines(console, [*cache.lines(), outcome])
