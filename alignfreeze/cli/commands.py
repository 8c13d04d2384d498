"""The commands: check the options, call, print. Heavy imports wait until a command needs them."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

import alignfreeze
from alignfreeze.cli.cache import cache_app
from alignfreeze.cli.checks import CHECKS
from alignfreeze.cli.data import CHECKED, check, data_app
from alignfreeze.cli.dry_run import tell_plan, without_dry_run
from alignfreeze.cli.flags import signature
from alignfreeze.cli.plugin import plugin_app
from alignfreeze.cli.project import project
from alignfreeze.cli.syncing import sync
from alignfreeze.cli.terminal import PlainConsole, print_lines, show
from alignfreeze.credentials import STORAGE_VARIABLE
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.messages import shown
from alignfreeze.tracking.unlogged import complain

app = typer.Typer(
    name="alignfreeze",
    help="Realign multilingual encoders, freezing part of them, and measure the transfer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(data_app, name="data")
app.add_typer(cache_app, name="cache")
app.add_typer(plugin_app, name="plugin")

TRACEBACK = "--verbose shows the traceback of what fails; so does ALIGNFREEZE_VERBOSE=1."

ANYWHERE = "Show the traceback of what fails; anywhere on the line."

_option = partial(typer.Option, show_default=False)


def _command(
    name: str, summary: str, *further: Parameter
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command that has the options of a configuration, after some of its own."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def checked(**options: str) -> None:
            # Where `mlflow run` has opened a run, what is wrong is recorded there, by what does it;
            # of several processes one could find something that the others have to be told.
            if "MLFLOW_RUN_ID" not in os.environ and "RANK" not in os.environ:
                own = {parameter.name for parameter in further}
                CHECKS[name]({key: text for key, text in options.items() if key not in own})
            function(**options)
            complain()

        checked.__signature__ = signature(name, *further)  # type: ignore[attr-defined]
        group, _, own_name = name.rpartition(" ")
        place = {"": app, "data": data_app}[group]
        place.command(own_name, help=summary, epilog=TRACEBACK)(checked)
        return function

    return register


def _phases(name: str, function: str) -> Callable[..., None]:
    """A command that calls a function of the pipeline and shows its outcome, or its plan."""

    def command(**options: str) -> None:
        console = PlainConsole(quiet=not is_first())
        given, dry = without_dry_run(options)
        if dry:
            tell_plan(name, given, console)
            return
        from alignfreeze.cli.hints import baseline_hint
        from alignfreeze.evaluation.result_table import result_table
        from alignfreeze.runs import pipeline

        outcome = getattr(pipeline, function)(given)
        tables = [result_table(outcome.results, outcome.source_language)] if outcome.results else []
        notes = dict.fromkeys(result.note for result in outcome.results if result.note)
        hints = [*outcome.warnings, *baseline_hint(name, given, outcome.results)]
        show(console, tables, notes, [*hints, *outcome.places])

    return command


for _name, _summary, _function in (
    ("run", "Realign, then fine-tune and evaluate.", "run"),
    ("realign", "Realign an encoder and keep it as an artifact.", "realign_only"),
    ("evaluate", "Fine-tune and evaluate an encoder that was realigned before.", "evaluate_only"),
):
    _command(_name, _summary)(_phases(_name, _function))


@_command("search", "Search where to freeze and at which temperature, then test the best.")
def _search(**options: str) -> None:
    from alignfreeze.search.coordinator import search
    from alignfreeze.search.finalists import comparisons

    outcome = search(options)
    tables = comparisons(outcome.tested, outcome.metrics, outcome.source_language)
    show(PlainConsole(), tables, outcome.notes, outcome.places)


@_command("benchmark", "Do a grid of runs: models x strategies x tasks x seeds.")
def _benchmark(**options: str) -> None:
    from alignfreeze.benchmark.coordinator import benchmark
    from alignfreeze.benchmark.plan import Plan

    console = PlainConsole()

    def tell(plan: Plan) -> None:
        console.print(plan.table())
        print_lines(console, plan.lines())

    print_lines(console, benchmark(options, tell).places)


@_command("report", "Make tables and figures of the runs in the tracking store.")
def _report(**options: str) -> None:
    from alignfreeze.report.report import report
    from alignfreeze.report.terminal import summary_tables

    outcome = report(options)
    counts = [f"{name.lower()}: {n}, listed in the report" for name, n in outcome.missing.items()]
    tables = summary_tables(outcome.summary)
    show(PlainConsole(), tables, [outcome.summary.note], outcome.places, counts)


@app.command("import-results", help="Turn result files of the reference implementation into runs.")
def _import_results(
    files: Annotated[list[Path], typer.Argument(help="result files, CSV", show_default=False)],
    experiment: Annotated[str, _option(help="MLflow experiment for the runs")],
    rename: Annotated[
        list[str] | None, _option(help="a model's name to be replaced: OLD=NEW")
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
            raise ConfigError(f"{option} must be {form}, got {shown(text)}")
    return {old: new for old, _, new in pairs}


_Study = Annotated[str, _option(help="name of the study")]
_Storage = Annotated[
    str,
    _option(help="Optuna's storage, the study's own", envvar=STORAGE_VARIABLE, show_envvar=True),
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
    complain()


@app.command("benchmark-worker", help="Join a benchmark that is going on, from any machine.")
def _benchmark_worker(
    study: _Study,
    storage: _Storage,
    data: _Data = "",
    model: Annotated[
        list[str] | None, _option(help="where a model is on this machine: NAME=FOLDER")
    ] = None,
) -> None:
    places = _replacements("model", "NAME=FOLDER", model or [])

    from alignfreeze.benchmark.worker import join

    done = join(study, storage, places | ({"data": data} if data else {}))
    typer.echo(f"{done} cell(s) done")
    complain()


app.command("sync")(sync)
app.command("project")(project)

_FOLDER = Annotated[Path, _option(help="folder to write to")]
_OUTPUT = Parameter("output", Parameter.KEYWORD_ONLY, annotation=_FOLDER)


@_command("align", "Align parallel text, and write the alignments in Pharaoh format.", _OUTPUT)
def _align(output: Path, **options: str) -> None:
    from alignfreeze.alignment.export import align_to_files
    from alignfreeze.base.signals import signals_as_exceptions
    from alignfreeze.config import build_config

    with signals_as_exceptions("run it again: what is aligned is kept"):
        languages = [language for language, _ in align_to_files(build_config(options), output)]
    said = f"{len(languages)} language(s) aligned with the source language, in {output}"
    print_lines(PlainConsole(), [said])


_command("data check", "Read a whole data folder, and tell what a run would.", *CHECKED)(check)


@app.command("plugins", help="List strategies, tasks and aligners, and what is wrong with them.")
def _plugins(
    verbose: Annotated[bool, typer.Option("--verbose", help="The tasks' languages.")] = False,
) -> None:
    from alignfreeze.contracts.registry import catalogue

    table = Table(title="Plugins", title_justify="left")
    for column in ("kind", "name", "from", "what it does, or what is wrong", "hyperparameters"):
        table.add_column(column, overflow="fold")
    plugins = catalogue()
    for plugin in plugins:
        about = (
            plugin.summary
            if plugin.problem is None
            else Text.assemble(("broken:", "red"), f" {plugin.problem}")
        )
        columns = (plugin.kind, plugin.name, plugin.distribution, about)
        table.add_row(*columns, ", ".join(plugin.fields))
    console = PlainConsole()
    console.print(table)
    for plugin in plugins:
        if verbose and plugin.languages:
            codes = " ".join(plugin.languages)
            console.print(f"{plugin.name}: {len(plugin.languages)} languages: {codes}")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help=ANYWHERE)] = False,
) -> None:
    if version:
        typer.echo(f"alignfreeze {alignfreeze.__version__}")
        raise typer.Exit


def is_first() -> bool:
    """Whether this is the process that speaks: the only one, or the first of torchrun's."""
    return os.environ.get("RANK", "0") == "0"
