"""The commands: check the options, call, print. Heavy imports wait until a command needs them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

import alignfreeze
from alignfreeze.cli.cache import cache_app
from alignfreeze.cli.checks import CHECKS, check_storage
from alignfreeze.cli.configuration import config
from alignfreeze.cli.data import CHECKED, check, data_app
from alignfreeze.cli.dry_run import tell_plan, without_dry_run
from alignfreeze.cli.flags import as_text, signature
from alignfreeze.cli.opened import failing_opened_run
from alignfreeze.cli.output import OUTPUT, is_first, tell
from alignfreeze.cli.plugin import plugin_app
from alignfreeze.cli.plugins import plugins
from alignfreeze.cli.predictions import predictions
from alignfreeze.cli.project import project
from alignfreeze.cli.shared import SPELLINGS, Commands
from alignfreeze.cli.syncing import sync
from alignfreeze.cli.terminal import PlainConsole, print_lines, show
from alignfreeze.credentials import STORAGE_VARIABLE
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.messages import shown
from alignfreeze.tracking.unlogged import complain

app = Commands(
    name="alignfreeze",
    help="Realign multilingual encoders, freezing part of them, and measure the transfer.",
    no_args_is_help=True,
    context_settings=SPELLINGS,
)

app.add_typer(data_app, name="data")
app.add_typer(cache_app, name="cache")
app.add_typer(plugin_app, name="plugin")

_option = partial(typer.Option, show_default=False)


def _command(
    name: str, summary: str, *further: Parameter
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command that has the options of a configuration, after some of its own."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = {parameter.name for parameter in further}

        def checked(**given: Any) -> None:
            options = {key: as_text(value) for key, value in given.items() if key not in own}
            # Of several processes one could find something that the others have to be told.
            if "RANK" not in os.environ:
                with failing_opened_run():
                    CHECKS[name](options)
            function(**{key: given[key] for key in own}, **options)
            complain()

        checked.__signature__ = signature(name, *further)  # type: ignore[attr-defined]
        group, _, own_name = name.rpartition(" ")
        place = {"": app, "data": data_app}[group]
        place.command(own_name, help=summary)(checked)
        return function

    return register


def _phases(name: str, function: str) -> Callable[..., None]:
    """A command that calls a function of the pipeline and shows its outcome, or its plan."""

    def command(**options: str) -> None:
        given, dry = without_dry_run(options)
        if dry:
            tell_plan(name, given)
            return
        from alignfreeze.cli.hints import baseline_hint
        from alignfreeze.evaluation.result_table import result_table
        from alignfreeze.runs import pipeline

        outcome = getattr(pipeline, function)(given)
        if not is_first():
            return
        tables = [result_table(outcome.results, outcome.source_language)] if outcome.results else []
        notes = dict.fromkeys(result.note for result in outcome.results if result.note)
        hints = [*outcome.warnings, *baseline_hint(name, given, outcome.results)]
        tell(
            {
                "run_id": outcome.run_id,
                "source_language": outcome.source_language,
                "scores": outcome.scores.to_dict("records"),
                "warnings": outcome.warnings,
                "places": outcome.places,
            },
            lambda: show(PlainConsole(), tables, notes, [*hints, *outcome.places]),
        )

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
    from alignfreeze.search.finalists import comparisons, tested_scores

    outcome = search(options)
    tables = comparisons(outcome.tested, outcome.metrics, outcome.source_language)
    scores = tested_scores(outcome.tested, outcome.source_language)
    tell(
        {
            "source_language": outcome.source_language,
            "metrics": outcome.metrics,
            "scores": [score._asdict() for score in scores],
            "places": outcome.places,
        },
        lambda: show(PlainConsole(), tables, outcome.notes, outcome.places),
    )


@_command("benchmark", "Do a grid of runs: models x strategies x tasks x seeds.")
def _benchmark(**options: str) -> None:
    from alignfreeze.benchmark.coordinator import benchmark
    from alignfreeze.benchmark.plan import Plan

    console = PlainConsole()

    def show_plan(plan: Plan) -> None:
        if not OUTPUT.json:
            console.print(plan.table())
            if plan.to_do:
                console.print(plan.steps_table())
            print_lines(console, plan.lines())

    outcome = benchmark(options, show_plan)
    tell(
        {"cells": outcome.rows(), "places": outcome.places},
        lambda: print_lines(console, outcome.places),
    )


@_command("report", "Make tables and figures of the runs in the tracking store.")
def _report(**options: str) -> None:
    from alignfreeze.report.report import report
    from alignfreeze.report.terminal import summary_tables

    outcome = report(options)
    counts = [f"{name.lower()}: {n}, listed in the report" for name, n in outcome.missing.items()]
    summary = outcome.summary
    tables = summary_tables(summary)
    tell(
        {
            "folder": outcome.folder,
            "columns": summary.columns,
            "rows": [[cell.text for cell in row] for row in summary.rows],
            "missing": outcome.missing,
            "places": outcome.places,
        },
        lambda: show(PlainConsole(), tables, [summary.note], outcome.places, counts),
    )


@app.command("import-results", help="Turn result files of the reference implementation into runs.")
def _import_results(
    files: Annotated[list[Path], typer.Argument(help="result files, CSV", show_default=False)],
    experiment: Annotated[str, _option(help="MLflow experiment for the runs")],
    rename: Annotated[
        list[str] | None, _option(help="a model's name to be replaced", metavar="OLD=NEW")
    ] = None,
) -> None:
    renames = _replacements("rename", "OLD=NEW", rename or [])

    from alignfreeze.tracking.importing import import_results

    outcome = import_results(files, experiment, renames=renames)
    for line in outcome.refused:
        typer.echo(f"refused: {line}", err=True)
    said = (
        f"experiment {outcome.experiment!r}: {outcome.added} run(s) added, {outcome.known} there "
        f"before, {len(outcome.refused)} row(s) refused"
    )
    tell(
        {
            "experiment": outcome.experiment,
            "added": outcome.added,
            "known": outcome.known,
            "refused": outcome.refused,
        },
        lambda: typer.echo(said),
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
    check_storage(storage, begun=True)

    from alignfreeze.search.worker import join

    done = join(study, storage, data=data, model=model)
    tell({"done": done}, lambda: typer.echo(f"{done} trial(s) done"))
    complain()


@app.command("benchmark-worker", help="Join a benchmark that is going on, from any machine.")
def _benchmark_worker(
    study: _Study,
    storage: _Storage,
    data: _Data = "",
    model: Annotated[
        list[str] | None, _option(help="where a model is on this machine", metavar="NAME=FOLDER")
    ] = None,
) -> None:
    places = _replacements("model", "NAME=FOLDER", model or [])
    check_storage(storage, begun=True)

    from alignfreeze.benchmark.worker import join

    done = join(study, storage, places | ({"data": data} if data else {}))
    tell({"done": done}, lambda: typer.echo(f"{done} cell(s) done"))
    complain()


app.command("predictions")(predictions)
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
    tell(
        {"folder": output, "languages": languages},
        lambda: print_lines(PlainConsole(), [said]),
    )


@_command("score", "Score the sentence pairs of parallel text, for pair_quality to drop the worst.")
def _score(**options: str) -> None:
    from alignfreeze.base.signals import signals_as_exceptions
    from alignfreeze.scoring.settings import build_score
    from alignfreeze.scoring.texts import score_texts

    with signals_as_exceptions("run it again: what is scored is kept"):
        scored = list(score_texts(*build_score(options)))
    tell(
        {"texts": [{"language": s.language, "file": s.file, **asdict(s.counts)} for s in scored]},
        lambda: print_lines(PlainConsole(), [str(each.file) for each in scored]),
    )


_command("data check", "Read a whole data folder, and tell what a run would.", *CHECKED)(check)


_command("config", "Print all options of a run as YAML, and where each value is from.")(config)

app.command("plugins")(plugins)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        version_text = alignfreeze.__version__
        tell({"version": version_text}, lambda: typer.echo(f"alignfreeze {version_text}"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.fail("Missing command.")
