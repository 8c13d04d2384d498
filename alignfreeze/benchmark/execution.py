"""How a cell is done: realigned, fine-tuned and evaluated, in a run of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accelerate import Accelerator

from alignfreeze.base.caching import locked
from alignfreeze.base.paths import cache_root
from alignfreeze.benchmark.cells import Cell, realignment_of
from alignfreeze.benchmark.dependencies import Dependencies
from alignfreeze.benchmark.lengths import CONFIG, Lengths
from alignfreeze.config import RunConfig, model_name
from alignfreeze.data.finding import HUB
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, TaskResult, rows_to_csv
from alignfreeze.messages import LONG, shown
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.preparation import Preparation, prepared
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.records import describe, log_config, log_scores, task_result
from alignfreeze.tracking import store
from alignfreeze.tracking.names import CELL, FINETUNE_STEPS, METRIC, REALIGN_RUN, Kind
from alignfreeze.tracking.run_names import run_name
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.devices import make_accelerator, resolve_precision
from alignfreeze.workers.assignments import NO_OBJECTIVE, complete
from alignfreeze.workers.queue import TRAJECTORY, Claim, TrialQueue
from alignfreeze.workers.worker import Owner, do_trial

HEARTBEAT = "grid_heartbeat"
"""What a study remembers for workers that join: how often they have to give a sign of life."""

DATA = "data"
"""What the grid's data is called among places."""

LOOK_SECONDS = 5.0
"""Between two looks whether another process has made what this one waits for."""

KEPT_PREPARATIONS = 2
"""Models and tasks whose data is kept in memory; cells of the same come one after the other."""


def attributes_of(cell: Cell) -> dict[str, Any]:
    """What a cell's trial has to say to whoever claims it."""
    return {
        CELL: cell.identity,
        CONFIG: cell.config.model_dump(mode="json"),
        TRAJECTORY: cell.trajectory,
    }


def key_of(attributes: Mapping[str, Any]) -> str:
    """What tells cells apart."""
    return str(attributes[CELL])


def check_place(there: str, here: str) -> None:
    """Check that something here may stand for the model or data that a grid has elsewhere.

    Raises:
        ConfigError: If reports, which tell both by the last part of their names, would take it for
            another; or it is of another kind.
    """
    if there == here:
        return
    if there.startswith(f"{HUB}:") != here.startswith(f"{HUB}:"):
        raise ConfigError(
            f"what stands for {shown(there, LONG)} must be of its kind, got {shown(here)}"
        )
    if model_name(there) != model_name(here):
        raise ConfigError(
            f"what stands for {shown(there, LONG)} must be called {model_name(there)!r} too, as "
            f"reports tell data and models by it, got {shown(here, LONG)}"
        )


class Bench:
    """Where cells are done: data and encoders, read once for the cells that need the same.

    Args:
        owner: What they belong to.
        queue: The queue that they are from.
        places: What stands on this machine for the grid's models, by their names there, and for
            its `DATA`.
    """

    def __init__(
        self, owner: Owner, queue: TrialQueue, places: Mapping[str, str] | None = None
    ) -> None:
        self._owner = owner
        self._queue = queue
        self._places = places or {}
        self._preparations: dict[str, Preparation] = {}
        self._dependencies = Dependencies()
        self._accelerator = cache(make_accelerator)
        self._lengths = Lengths(queue)

    def do(self, claim: Claim) -> None:
        """Do a claimed cell, unless a finished run turns out to hold it already.

        Raises:
            AlignFreezeError: If this process has not what the cell needs, such as the same code;
                the cell is given back.
        """
        attributes = claim.trial.user_attrs
        identity, trajectory = str(attributes[CELL]), str(attributes.get(TRAJECTORY, ""))
        try:
            if (finished := store.finished_cell(identity)) is not None:
                complete(self._queue, claim, finished)
                return
            asked = RunConfig.model_validate(attributes[CONFIG])
            with self._queue.alive(claim.trial):  # to look at much data takes its time
                config = self._here(asked, identity)
        except BaseException:
            self._queue.give_back(claim.trial)
            raise

        def work(run: TrackedRun) -> list[float]:
            accelerator = self._accelerator(resolve_precision(config.precision))
            log_config(run, config, accelerator)
            result = self._result(config, run, accelerator, identity, trajectory)
            log_scores(run, result.scores, config.source_language)
            describe(run, [result], config.source_language)
            run.text(rows_to_csv(result.scores, Score), RESULTS_FILE)
            run.tags({CELL: identity, METRIC: result.metric})
            return NO_OBJECTIVE

        do_trial(self._owner, self._queue, claim, work, name=self._name(config), kind=Kind.CELL)

    def _name(self, config: RunConfig) -> str:
        """What a cell's run is called; hyperparameters that are usual are not in it."""
        usual = self._dependencies.choice(config).usual
        return run_name(config.model_copy(update={"strategy_args": {}}) if usual else config)

    def _here(self, asked: RunConfig, identity: str) -> RunConfig:
        """A cell's configuration with this machine's folders, checked to be the same cell."""
        data = self._places.get(DATA, asked.data)
        model = self._places.get(asked.model, asked.model)
        for there, here in ((asked.data, data), (asked.model, model)):
            check_place(there, here)
        # A run, or a cell of another grid, may have been interrupted on the way to the same.
        never_twice = {"reuse": True, "resume": True}
        config = asked.model_copy(update={"data": data, "model": model, **never_twice})
        if self._dependencies.identity(config) != identity:
            raise ConfigError(
                "the grid was begun with another version of the code or its libraries, other data, "
                "another model or another precision than this process has"
            )
        return config

    def _result(
        self,
        config: RunConfig,
        run: TrackedRun,
        accelerator: Accelerator,
        identity: str,
        trajectory: str,
    ) -> TaskResult:
        preparation = prepared(config, self._preparations, KEPT_PREPARATIONS)
        (choice,), (data,) = preparation.strategies, preparation.tasks
        with TemporaryDirectory(prefix="alignfreeze-") as folder:
            phases = Phases(preparation, accelerator, run, Path(folder))
            run.inputs(phases.inputs())
            run.metric(FINETUNE_STEPS, phases.finetune_steps(data))
            scores = phases.known_scores(choice, data)
            if scores is None:
                encoder = self._encoder(phases, identity, trajectory)
                if encoder.run_id and choice.strategy.realigns:
                    run.tags({REALIGN_RUN: encoder.run_id})
                scores = phases.finetune(encoder, choice, data)
            return task_result(choice.name, data, scores)

    def _encoder(self, phases: Phases, cell: str, trajectory: str) -> RealignedEncoder:
        """What a cell fine-tunes; with it those of other cells on its way, or further on.

        A realigned one is left in the store: a cell that is interrupted later finds it there.
        """
        (choice,), (data,) = phases.preparation.strategies, phases.preparation.tasks
        if not phases.realigns(choice, "before"):
            return phases.pretrained()
        steps = phases.realign_steps(data)
        identity = phases.realign_identity(choice, steps)
        with _alone(
            trajectory or realignment_of(phases.config),
            found=lambda: store.finished_run(identity) is not None,
        ):
            wanted = self._lengths.wanted(trajectory, phases) if trajectory else {steps: cell}
            return phases.encoder(choice, data, wanted)


@contextmanager
def _alone(what: str, found: Callable[[], bool]) -> Iterator[None]:
    """Wait for another process of this machine that realigns what this one needs too.

    No longer than until what is needed is found: it may be on the way of the other.
    """
    folder = cache_root() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        while not found():
            try:
                stack.enter_context(locked(folder / what, wait=LOOK_SECONDS))
            except BlockingIOError:
                continue
            break
        yield
