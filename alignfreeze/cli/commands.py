"""The commands: check the options, call, print. Heavy imports wait until a command needs them."""

import os
from collections.abc import Callable, Sequence
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignfreeze import __version__
from alignfreeze.cli.checks import CHECKS
from alignfreeze.cli.flags import signature
from alignfreeze.errors import AlignFreezeError, ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from alignfreeze.runs.pipeline import Outcome

app = typer.Typer(
    name="alignfreeze",
    help="Realign multilingual encoders, freezing part of them, and measure the transfer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _command(
    name: str, summary: str, *further: Parameter
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command that has the options of a configuration, after some of its own."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def checked(**options: str) -> None:
            # Where `mlflow run` has opened a run, what is wrong is recorded there, by what does it.
            if "MLFLOW_RUN_ID" not in os.environ:
                own = {parameter.name for parameter in further}
                CHECKS[name]({key: text for key, text in options.items() if key not in own})
            function(**options)

        taken = signature(name)
        checked.__signature__ = taken.replace(  # type: ignore[attr-defined]
            parameters=[*further, *taken.parameters.values()]
        )
        app.command(name, help=summary)(checked)
        return function

    return register


@_command("run", "Realign, then fine-tune and evaluate.")
def _run(**options: str) -> None:
    from alignfreeze.runs import pipeline

    _show(pipeline.run(options))


@_command("realign", "Realign an encoder and keep it as an artifact.")
def _realign(**options: str) -> None:
    from alignfreeze.runs import pipeline

    _show(pipeline.realign_only(options))


@_command("evaluate", "Fine-tune and evaluate an encoder that was realigned before.")
def _evaluate(**options: str) -> None:
    from alignfreeze.runs import pipeline

    _show(pipeline.evaluate_only(options))


@_command("search", "Search where to freeze and at which temperature, then test the best.")
def _search(**options: str) -> None:
    from rich.console import Console

    from alignfreeze.search.coordinator import search
    from alignfreeze.search.finalists import comparisons

    outcome = search(options)
    console = Console()
    for table in comparisons(outcome.tested, outcome.metrics, outcome.source_language):
        console.print()
        console.print(table)
    for note in outcome.notes:
        console.print(note, style="italic", highlight=False)
    _say_places(console, outcome.places)


@_command("benchmark", "Do a grid of runs: models x strategies x tasks x seeds.")
def _benchmark(**options: str) -> None:
    from rich.console import Console

    from alignfreeze.benchmark.coordinator import benchmark
    from alignfreeze.benchmark.plan import Plan

    console = Console()

    def show(plan: Plan) -> None:
        console.print(plan.table())
        for line in plan.lines():
            console.print(line, soft_wrap=True, highlight=False)

    for line in benchmark(options, show).places:
        console.print(line, soft_wrap=True, highlight=False)


@_command("report", "Make tables and figures of the runs in the tracking store.")
def _report(**options: str) -> None:
    from rich.console import Console

    from alignfreeze.report.report import report
    from alignfreeze.report.terminal import summary_tables

    outcome = report(options)
    console = Console()
    for table in summary_tables(outcome.summary):
        console.print()
        console.print(table)
    console.print(outcome.summary.note, style="italic", highlight=False)
    for heading, count in outcome.missing.items():
        console.print(f"{heading.lower()}: {count}, listed in the report", highlight=False)
    _say_places(console, outcome.places)


@app.command("import-results", help="Turn result files of the reference implementation into runs.")
def _import_results(
    files: Annotated[list[Path], typer.Argument(help="result files, CSV", show_default=False)],
    experiment: Annotated[
        str, typer.Option(help="MLflow experiment for the runs", show_default=False)
    ],
    rename: Annotated[
        list[str] | None,
        typer.Option(help="a model's name to be replaced: OLD=NEW", show_default=False),
    ] = None,
) -> None:
    renames = _replacements("rename", "OLD=NEW", rename or [])

    from alignfreeze.tracking.importing import import_results

    outcome = import_results(files, experiment, renames=renames)
    for line in outcome.refused:
        typer.echo(f"refused: {line}", err=True)
    typer.echo(
        f"experiment {outcome.experiment!r}: {outcome.added} run(s) added, {outcome.known} there "
        f"before, {len(outcome.refused)} row(s) refused"
    )
    if outcome.refused:
        raise AlignFreezeError("mend the refused rows and import again: the others are kept")


def _replacements(option: str, form: str, texts: Sequence[str]) -> dict[str, str]:
    """What is to take the place of what: the values of an option that may be repeated."""
    pairs = [text.partition("=") for text in texts]
    for text, (old, _, new) in zip(texts, pairs, strict=True):
        if not old or not new:
            raise ConfigError(f"{option} must be {form}, got {text!r}")
    return {old: new for old, _, new in pairs}


_Study = Annotated[str, typer.Option(help="name of the study", show_default=False)]
_Storage = Annotated[
    str,
    typer.Option(
        help="Optuna's storage, the study's own",
        envvar="ALIGNFREEZE_SEARCH_STORAGE",
        show_default=False,
        show_envvar=True,
    ),
]
_Data = Annotated[str, typer.Option(help="where its data is on this machine")]


@app.command("search-worker", help="Join a search that is going on, from any machine.")
def _search_worker(
    study: _Study,
    storage: _Storage,
    data: _Data = "",
    model: Annotated[str, typer.Option(help="where its model is on this machine")] = "",
) -> None:
    from alignfreeze.search.worker import join

    done = join(study, storage, data=data, model=model)
    typer.echo(f"{done} trial(s) done")


@app.command("benchmark-worker", help="Join a benchmark that is going on, from any machine.")
def _benchmark_worker(
    study: _Study,
    storage: _Storage,
    data: _Data = "",
    model: Annotated[
        list[str] | None,
        typer.Option(help="where a model is on this machine: NAME=FOLDER", show_default=False),
    ] = None,
) -> None:
    places = _replacements("model", "NAME=FOLDER", model or [])

    from alignfreeze.benchmark.worker import join

    done = join(study, storage, places | ({"data": data} if data else {}))
    typer.echo(f"{done} cell(s) done")


_OUTPUT = Parameter(
    "output",
    Parameter.KEYWORD_ONLY,
    annotation=Annotated[Path, typer.Option(help="folder to write to", show_default=False)],
)


@_command("align", "Align parallel text, and write the alignments in Pharaoh format.", _OUTPUT)
def _align(output: Path, **options: str) -> None:
    from rich.console import Console

    from alignfreeze.alignment.export import align_to_files
    from alignfreeze.base.signals import signals_as_exceptions
    from alignfreeze.config import build_config

    with signals_as_exceptions("run it again: what is aligned is kept"):
        languages = [language for language, _ in align_to_files(build_config(options), output)]
    Console().print(
        f"{len(languages)} language(s) aligned with the source language, in {output}",
        soft_wrap=True,
        highlight=False,
    )


@app.command("plugins", help="List strategies, tasks and aligners, and what is wrong with them.")
def _plugins(
    verbose: Annotated[bool, typer.Option("--verbose", help="The tasks' languages.")] = False,
) -> None:
    from rich.console import Console
    from rich.table import Table

    from alignfreeze.contracts.registry import catalogue

    table = Table(title="Plugins", title_justify="left")
    for column in ("kind", "name", "from", "what it does, or what is wrong", "hyperparameters"):
        table.add_column(column, overflow="fold")
    plugins = catalogue()
    for plugin in plugins:
        fields = ", ".join(f"{field.name}={field.default}" for field in plugin.fields)
        about = plugin.summary if plugin.problem is None else f"[red]broken:[/red] {plugin.problem}"
        table.add_row(plugin.kind, plugin.name, plugin.distribution, about, fields)
    console = Console()
    console.print(table)
    for plugin in plugins:
        if verbose and plugin.languages:
            codes = " ".join(plugin.languages)
            console.print(f"{plugin.name}: {len(plugin.languages)} languages: {codes}")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"alignfreeze {__version__}")
        raise typer.Exit


def _show(outcome: "Outcome") -> None:
    from rich.console import Console

    from alignfreeze.evaluation.result_table import result_table

    console = Console(quiet=not is_first())
    if outcome.results:
        console.print()
        console.print(result_table(outcome.results, outcome.source_language))
        for note in dict.fromkeys(result.note for result in outcome.results if result.note):
            console.print(note, style="italic", highlight=False)
    _say_places(console, outcome.places)


def _say_places(console: "Console", places: Sequence[str]) -> None:
    console.print()
    for line in places:
        console.print(line, soft_wrap=True, highlight=False)


def is_first() -> bool:
    """Whether this is the process that speaks: the only one, or the first of torchrun's."""
    return os.environ.get("RANK", "0") == "0"
