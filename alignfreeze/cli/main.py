"""The command line: parse, call, print. Heavy imports wait until a command needs them."""

import contextlib
import gc
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from alignfreeze import PACKAGES, __version__
from alignfreeze.benchmark.settings import OWN_FIELDS as GRID_FIELDS
from alignfreeze.benchmark.settings import BenchmarkConfig
from alignfreeze.config import RunConfig
from alignfreeze.errors import AlignFreezeError, ConfigError, Interrupted
from alignfreeze.report.settings import ReportConfig
from alignfreeze.search.settings import OWN_FIELDS, SearchConfig

if TYPE_CHECKING:
    from alignfreeze.runs.pipeline import Outcome

app = typer.Typer(
    name="alignfreeze",
    help="Realign multilingual encoders, freezing part of them, and measure the transfer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

COLLECT_AFTER = 10_000
"""New objects between two looks for garbage. With Python's 700, they take a quarter of the time
of the imports, which make objects by the hundred thousand."""

_EVALUATION_ONLY = {"eval_batch_size", "finetune_lr", "warmup", "save_model", "compare"}
_REALIGNMENT_ONLY = {
    "model",  # the encoder takes its place
    "strategy",
    "strategy_args",
    "compare",
    "aligner",
    "aligner_args",
    "realign_languages",
    "pair_limit",
    "pair_max_words",
    "pair_max_ratio",
    "pair_duplicates",
    "alignment_pairs",
    "language_mix",
    "temperature",
    "layer",
    "projection",
    "prefix",
    "prefix_memory",
    "loss_block",
    "realign_steps",
    "realign_batch_size",
    "realign_lr",
    "realign_max_length",
}
_ALL = ["preset", "config", *RunConfig.model_fields]

OPTIONS: dict[str, list[str]] = {
    "run": [name for name in _ALL if name != "encoder"],
    "realign": [name for name in _ALL if name not in _EVALUATION_ONLY | {"encoder"}],
    "evaluate": [name for name in _ALL if name not in _REALIGNMENT_ONLY],
    "search": [*(name for name in _ALL if name not in OWN_FIELDS), *SearchConfig.model_fields],
    "benchmark": [
        *BenchmarkConfig.model_fields,
        *(name for name in RunConfig.model_fields if name not in GRID_FIELDS),
    ],
    "report": list(ReportConfig.model_fields),
}
"""The options of each command, which are the parameters of MLproject's entry points."""

ALIGN_OPTIONS = (
    "data",
    "source_language",
    "languages",
    "aligner",
    "aligner_args",
    "model",
    "pair_limit",
    "pair_max_words",
    "pair_max_ratio",
    "pair_duplicates",
)
"""The options of ``align``, which tracks nothing."""

_HELP = {
    "preset": "options by name: demo, demo-all, paper, paper-xlmr (default: demo, or paper for "
    "other data or another model)",
    "config": "YAML file of options, such as a run's config.yaml",
}


_USUAL_MODELS: tuple[type[BaseModel], ...] = (RunConfig, SearchConfig)

_MODELS: dict[str, tuple[type[BaseModel], ...]] = {
    "benchmark": (BenchmarkConfig, RunConfig),
    "report": (ReportConfig,),
}
"""Whose fields the options of a command are, where not those of a run and of a search."""


def _option(name: str, models: Sequence[type[BaseModel]]) -> inspect.Parameter:
    """A text option; an empty text means not given, as MLflow's defaults need it."""
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default="",
        annotation=Annotated[
            str,
            typer.Option(
                "--" + name.replace("_", "-"),
                help=_field_help(name, models),
                show_default=False,
            ),
        ],
    )


def _field_help(name: str, models: Sequence[type[BaseModel]]) -> str:
    field = next((m.model_fields[name] for m in models if name in m.model_fields), None)
    if field is None:
        return _HELP[name]
    default = field.default
    if default in (None, "", (), PydanticUndefined):
        return field.description or ""
    text = ",".join(str(part) for part in default) if isinstance(default, tuple) else default
    return f"{field.description} (default: {text})"


def _command(name: str, summary: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose options are `OPTIONS`."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [_option(option, _MODELS.get(name, _USUAL_MODELS)) for option in OPTIONS[name]]
        )
        app.command(name, help=summary)(function)
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
    from alignfreeze.search.summary import comparisons

    outcome = search(options)
    console = Console()
    for table in comparisons(outcome.tested, outcome.metrics, outcome.source_language):
        console.print()
        console.print(table)
    for note in outcome.notes:
        console.print(note, style="italic", highlight=False)
    console.print()
    for line in outcome.places:
        console.print(line, soft_wrap=True, highlight=False)


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
    console.print()
    for line in outcome.places:
        console.print(line, soft_wrap=True, highlight=False)


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
    from alignfreeze.tracking.importing import import_results

    outcome = import_results(
        files, experiment, renames=_replacements("rename", "OLD=NEW", rename or [])
    )
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
    from alignfreeze.benchmark.worker import join

    places = _replacements("model", "NAME=FOLDER", model or [])
    done = join(study, storage, places | ({"data": data} if data else {}))
    typer.echo(f"{done} cell(s) done")


@app.command("align", help="Align parallel text, and write the alignments in Pharaoh format.")
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


_align.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter(
            "output",
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[Path, typer.Option(help="folder to write to", show_default=False)],
        ),
        *(_option(name, _USUAL_MODELS) for name in ALIGN_OPTIONS),
    ]
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

    from alignfreeze.evaluation.tables import result_table

    console = Console(quiet=not _is_first())
    if outcome.results:
        console.print()
        console.print(result_table(outcome.results, outcome.source_language))
        for note in dict.fromkeys(result.note for result in outcome.results if result.note):
            console.print(note, style="italic", highlight=False)
    console.print()
    for line in outcome.places:
        console.print(line, soft_wrap=True, highlight=False)


def _is_first() -> bool:
    """Whether this is the process that speaks: the only one, or the first of torchrun's."""
    return os.environ.get("RANK", "0") == "0"


def _fail_mlflow_run(message: str) -> None:
    """Say in the run that `mlflow run` has opened, if it has, why nothing was done."""
    if "MLFLOW_RUN_ID" not in os.environ:
        return
    from alignfreeze.tracking.runs import tracked_run

    with contextlib.suppress(ConfigError), tracked_run("alignfreeze", writes=_is_first()):
        raise ConfigError(message)


def _spelled_out(arguments: Sequence[str]) -> list[str]:
    """``--resume`` alone is ``--resume true``: options have values, as MLflow's parameters do."""
    models: list[type[BaseModel]] = [*_USUAL_MODELS, *chain.from_iterable(_MODELS.values())]
    switches = {
        "--" + name.replace("_", "-")
        for model in models
        for name, field in model.model_fields.items()
        if field.annotation is bool
    }
    found: list[str] = []
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        found.append(argument)
        if argument in switches and following.startswith("--"):
            found.append("true")
    return found


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors of ours are one line on stderr, and exit code 1."""
    gc.set_threshold(COLLECT_AFTER)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for name in PACKAGES:
        logging.getLogger(name).setLevel(logging.INFO if _is_first() else logging.ERROR)
    try:
        given = sys.argv[1:] if arguments is None else arguments
        return app(_spelled_out(given), standalone_mode=False)
    except typer.TyperException as error:
        # MLflow hands on parameters that MLproject does not know.
        message = getattr(error, "format_message", error.__str__)()
        _fail_mlflow_run(message)
        typer.echo(f"alignfreeze: {message}", err=True)
        sys.exit(2)
    except Interrupted as error:
        typer.echo(f"alignfreeze: {error}", err=True)
        sys.exit(128 + error.number)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("alignfreeze: interrupted", err=True)
        sys.exit(128 + signal.SIGINT)
    except AlignFreezeError as error:
        typer.echo(f"alignfreeze: {error}", err=True)
        sys.exit(1)
