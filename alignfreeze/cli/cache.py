"""The commands about the cache: what it holds, and what of it goes."""

from typing import TYPE_CHECKING, Annotated

import typer

from alignfreeze.cli.output import OUTPUT, tell
from alignfreeze.cli.shared import Commands
from alignfreeze.cli.terminal import PlainConsole, print_lines

if TYPE_CHECKING:
    from alignfreeze.housekeeping.contents import Entry

cache_app = Commands(help="What the cache holds, and what of it may go.")


@cache_app.callback(invoke_without_command=True)
def _show(context: typer.Context) -> None:
    if context.invoked_subcommand is not None:
        return
    from alignfreeze.housekeeping.pruning import look

    cache, console = look(), PlainConsole()
    hint = "`alignfreeze cache prune --dry-run` tells what may go, and why"

    def show_all() -> None:
        console.print(cache.table())
        print_lines(console, [*cache.lines(), hint])

    entries = [
        _told(entry, verdict.why) | {"may_go": verdict.goes} for entry, verdict in cache.judged
    ]
    tell({"folder": cache.root, "entries": entries}, show_all)


def _told(entry: "Entry", why: str) -> dict[str, object]:
    return {"kind": entry.kind, "path": entry.path, "bytes": entry.size, "why": why}


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
    listed = [f"{entry.path}: {pruning.size_text(entry.size)}, {why}" for entry, why in going]
    if not OUTPUT.json:
        print_lines(console, listed)
    size = sum(entry.size for entry, _ in going) if dry_run else pruning.prune(cache)
    done = "would be removed" if dry_run else "removed"
    outcome = f"{len(going)} of {len(cache.judged)} {done}: {pruning.size_text(size)}"
    tell(
        {
            "folder": cache.root,
            "dry_run": dry_run,
            "bytes": size,
            "removed": [_told(entry, why) for entry, why in going],
        },
        lambda: print_lines(console, [*cache.lines(), outcome]),
    )
