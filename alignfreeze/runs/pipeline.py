"""What the entry points do: a parent run, and the phases below it."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from accelerate import Accelerator

from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.config import (
    BASELINE,
    Options,
    RunConfig,
    build_config,
    given_names,
    naming_origins,
)
from alignfreeze.data.finding import find_model
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.evaluation.chance import below_chance, chances
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, TaskResult, rows_to_csv
from alignfreeze.messages import LONG, shown
from alignfreeze.runs.objectives import objective_choice, tell_idle
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.realigned import (
    ENCODER_FOLDER,
    RealignedEncoder,
    find_encoder,
    with_provenance,
)
from alignfreeze.runs.records import (
    describe,
    log_config,
    log_provenance,
    log_scores,
    task_result,
)
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices
from alignfreeze.tracking import location
from alignfreeze.tracking.names import REALIGN_RUN, Kind, task_prefix
from alignfreeze.tracking.run_names import run_name
from alignfreeze.tracking.runs import TrackedRun, is_main_process, tracked_run
from alignfreeze.training.devices import join_processes, make_accelerator, resolve_precision
from alignfreeze.training.distributed import (
    Processes,
    check_same,
    folder_of_machine,
    from_main,
    in_turn,
    on_every_machine,
)
from alignfreeze.training.endings import as_one


@dataclass(frozen=True)
class Outcome:
    """What an entry point has to tell.

    Attributes:
        results: The scores, by strategy and task; none after realignment alone.
        source_language: The language that was fine-tuned in.
        places: Where the runs, and an encoder, are to be found; lines for a person.
        run_id: The parent run's id; ``None`` in a process that does not track.
        warnings: What is odd about the scores; lines for a person.
        encoder: Where the encoder is that the run's own strategy realigned: a folder that
            ``from_pretrained`` takes, or an address of MLflow's where artifacts are elsewhere.
            ``None`` where nothing was realigned; of several tasks that take different numbers of
            steps, the first one's.
    """

    results: Sequence[TaskResult]
    source_language: str
    places: Sequence[str]
    run_id: str | None = None
    warnings: Sequence[str] = ()
    encoder: str | None = None

    @property
    def scores(self) -> pd.DataFrame:
        """All scores, fractions in [0, 1]: strategy, task, language, split, metric, value."""
        rows = [
            (result.strategy, result.task, *score)
            for result in self.results
            for score in result.scores
        ]
        return pd.DataFrame(rows, columns=["strategy", "task", *Score._fields])


def run(options: Options) -> Outcome:
    """Realign, then fine-tune and evaluate; options are as `build_config` takes them.

    Raises:
        AlignFreezeError: If an option, a file, a plugin or the model is at fault.
        Interrupted: When a signal asked the process to end.
    """
    with (
        _parent_run("alignfreeze", Kind.RUN, options) as (parent, config),
        _phases(parent, without_encoder(config)) as phases,
    ):
        outcome = _finetune_all(phases, parent)
        present = {(result.strategy, result.task) for result in outcome.results}
        baselines = [  # that the store holds already
            task_result(BASELINE, data, scores)
            for data in phases.preparation.tasks
            if (BASELINE, data.name) not in present and (scores := phases.known_baseline(data))
        ]
        results = [*baselines, *outcome.results]
        describe(parent, results, config.source_language)
        return replace(outcome, results=results)


def realign_only(options: Options) -> Outcome:
    """Realign an encoder, and keep it as an artifact.

    Raises:
        AlignFreezeError: As `run`, or if several tasks take different numbers of steps and none
            is given.
        Interrupted: When a signal asked the process to end.
    """
    with _parent_run("alignfreeze realign", Kind.REALIGN, options) as (parent, asked):
        config = without_encoder(asked).model_copy(update={"compare": ()})
        parent.rename(run_name(config, Kind.REALIGN))
        # Labelled data says how many steps to take, and in which languages, if nothing else does.
        needs_tasks = not (config.realign_steps and config.realign_languages)
        with _phases(parent, config, needs_tasks=needs_tasks) as phases:
            choice = phases.preparation.strategies[-1]
            if not choice.strategy.realigns:
                raise ConfigError(f"strategy must be one that realigns, got {shown(choice.name)}")
            encoder = phases.realign(choice, common_realign_steps(phases))
            phases.measures.log(parent, phases.folder / "figures")
            parent.tags({REALIGN_RUN: encoder.run_id or ""})
            go_on = f"go on with its encoder: alignfreeze evaluate --encoder {encoder.run_id}"
            own = location.places(parent.run_id) if parent.run_id else []
            places = [*own, *phases.said, go_on] if own else []
            return Outcome(
                [], config.source_language, places, parent.run_id, encoder=_address(encoder)
            )


def common_realign_steps(phases: Phases) -> int:
    """The number of realignment steps that all tasks agree on."""
    given = phases.config.realign_steps
    steps = {given} if given else {phases.realign_steps(data) for data in phases.preparation.tasks}
    if len(steps) > 1:
        raise ConfigError(
            "realign_steps must be given, since the tasks take different numbers of "
            f"fine-tuning steps: {', '.join(map(str, sorted(steps)))}"
        )
    return steps.pop()


def without_encoder(config: RunConfig) -> RunConfig:
    """A configuration that realigns, and so takes no encoder that was realigned before."""
    if config.encoder:
        raise ConfigError(f"encoder is for evaluate alone, got {shown(config.encoder, LONG)}")
    return config


def evaluate_only(options: Options) -> Outcome:
    """Fine-tune and evaluate an encoder that an earlier run realigned.

    What it is known by is its realignment's: model, strategy and every option of that.

    Raises:
        AlignFreezeError: As `run`; if there is no such encoder; or if an option that is given says
            of its realignment what is not so.
        Interrupted: When a signal asked the process to end.
    """
    with (
        _parent_run("alignfreeze evaluate", Kind.EVALUATE, options) as (parent, asked),
        _own_folder(join_processes()) as folder,
    ):
        encoder = _realigned_before(asked.encoder, folder)
        config = with_provenance(encoder, asked, given_names(options))
        parent.rename(run_name(_with_usual_left_out(encoder, config), Kind.EVALUATE))
        with _phases(parent, config, encoder) as phases:
            outcome = _finetune_all(phases, parent)
            describe(parent, outcome.results, config.source_language)
            return outcome


def _realigned_before(encoder: str, copies: Path) -> RealignedEncoder:
    """An encoder that the main process finds, for all of them."""
    processes = join_processes()
    found = from_main(processes, lambda: find_encoder(encoder, copies))
    return replace(found, path=str(on_every_machine(processes, Path(found.path), copies)))


def _finetune_all(phases: Phases, parent: TrackedRun) -> Outcome:
    """Every strategy on every task; the run's own strategy's scores go to the parent as well."""
    tasks = phases.preparation.tasks
    results = []
    encoders = []
    for choice in phases.preparation.strategies:
        for data in tasks:
            encoder = phases.encoder(choice, data)
            scores = phases.finetune(encoder, choice, data)
            results.append(task_result(choice.name, data, scores))
            if choice.main:
                encoders.append(encoder)
                prefix = task_prefix(data.name, len(tasks))
                log_scores(parent, scores, phases.config.source_language, prefix)
                parent.text(rows_to_csv(scores, Score), prefix + RESULTS_FILE)
    phases.measures.log(parent, phases.folder / "figures")
    places = [*location.places(parent.run_id), *phases.said] if parent.run_id else []
    odd = below_chance(results, {data.name: chances(data) for data in tasks})
    if len({encoder.run_id for encoder in encoders}) > 1:
        parent.tags({REALIGN_RUN: encoders[0].run_id or ""})  # as the outcome says
    made, source = _address(encoders[0]), phases.config.source_language
    return Outcome(results, source, places, parent.run_id, odd, made)


def _address(encoder: RealignedEncoder) -> str | None:
    """Where the encoder of a run is kept; ``None`` for one that no run has made."""
    if encoder.run_id is None:
        return None
    folder = location.artifact_folder(encoder.run_id)
    return str(folder / ENCODER_FOLDER) if folder else f"runs:/{encoder.run_id}/{ENCODER_FOLDER}"


@contextmanager
def _parent_run(name: str, kind: Kind, options: Options) -> Iterator[tuple[TrackedRun, RunConfig]]:
    """The outermost MLflow run, opened before anything can fail, and its configuration."""
    with (
        signals_as_exceptions("go on with resume=true"),
        tracked_run(name, kind, writes=is_main_process()) as parent,
    ):
        processes = join_processes()
        with as_one(processes):
            with in_turn(processes):  # the first records what is wrong
                config = build_config(options)
            if kind is Kind.RUN:
                parent.rename(run_name(config))
            with naming_origins(options):
                yield parent, config


def _with_usual_left_out(encoder: RealignedEncoder, config: RunConfig) -> RunConfig:
    """A configuration without the hyperparameters that the encoder's strategy has by default."""
    usual = encoder.provenance is not None and encoder.provenance.usual
    return config.model_copy(update={"strategy_args": {}}) if usual else config


@contextmanager
def _own_folder(processes: Processes) -> Iterator[Path]:
    """A folder that the processes of a machine share, for as long as all of them are in here."""
    with tempfile.TemporaryDirectory(prefix="alignfreeze-") as own:
        yield folder_of_machine(processes, Path(own))
        processes.wait_for_everyone()


@contextmanager
def _phases(
    parent: TrackedRun,
    config: RunConfig,
    encoder: RealignedEncoder | None = None,
    *,
    needs_tasks: bool = True,
) -> Iterator[Phases]:
    """Everything that the phases need, checked; and a folder for as long as they last."""
    accelerator = make_accelerator(resolve_precision(config.precision))
    with in_turn(accelerator):  # the others find its caches
        choices = _logged(parent, config, encoder, accelerator)
        preparation = Preparation(config, encoder, choices=choices, needs_tasks=needs_tasks)
    check_same(accelerator, preparation.read)
    with _own_folder(accelerator) as folder:
        phases = Phases(preparation, accelerator, parent, folder)
        parent.inputs(phases.inputs())
        yield phases


def _logged(
    parent: TrackedRun,
    config: RunConfig,
    encoder: RealignedEncoder | None,
    accelerator: Accelerator,
) -> list[StrategyChoice]:
    """Log what is asked for, with what its encoder decides; the strategies, if made for that."""
    if encoder is not None:
        log_config(parent, config, accelerator)
        parent.tags({REALIGN_RUN: encoder.run_id or ""})
        if encoder.provenance is not None:
            log_provenance(parent, encoder.provenance, config, accelerator)
        return []
    try:
        choices = strategy_choices(config, read_layer_count(find_model(config.model)))
    except AlignFreezeError:
        log_config(parent, config, accelerator)
        raise
    log_config(parent, choices[-1].said_in(config), accelerator)
    if any(choice.strategy.realigns for choice in choices):
        tell_idle(config, objective_choice(config))
    return choices
