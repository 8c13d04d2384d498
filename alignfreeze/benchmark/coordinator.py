"""A benchmark from its options to its end: the process that fills the queue, and looks on."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import yaml

from alignfreeze.base.digests import hash_of
from alignfreeze.base.paths import cache_root
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.base.tables import csv_text
from alignfreeze.benchmark.cells import Cell, cells_of
from alignfreeze.benchmark.dependencies import read_layers
from alignfreeze.benchmark.description import description, target_mean
from alignfreeze.benchmark.dropping import SharedEncoders
from alignfreeze.benchmark.execution import HEARTBEAT, Bench, attributes_of, key_of
from alignfreeze.benchmark.plan import DONE, TO_DO, Plan, make_plan
from alignfreeze.benchmark.settings import Grid, build_benchmark
from alignfreeze.config import given_options
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.messages import shown
from alignfreeze.planning.published import LayerCounts
from alignfreeze.tracking import location, store
from alignfreeze.tracking.names import METRIC, STUDY, Kind, cells_metric
from alignfreeze.tracking.run_names import study_run_name
from alignfreeze.tracking.runs import TrackedRun, end_dead_runs, given_run, tracked_run
from alignfreeze.tracking.store import StoredRun, stored_cells
from alignfreeze.workers.assignments import CellEnd, ends_of, open_cells, put_in, waiting_in
from alignfreeze.workers.command import BENCHMARK_WORKER
from alignfreeze.workers.coordinator import refuse_torchrun, started_workers, storage_url, study_run
from alignfreeze.workers.queue import RUN_ID, TrialQueue, retry
from alignfreeze.workers.storage import FINISHED, open_storage, sole_coordinator
from alignfreeze.workers.storage_urls import without_password
from alignfreeze.workers.worker import Owner

logger = logging.getLogger(__name__)

RUN_NAME = "alignfreeze benchmark"
GRID_FILE = "grid.yaml"
CELLS_FILE = "cells.csv"
FAILED = "failed"

GRID = "grid"
"""What a study of a grid remembers: the hash of its cells."""


@dataclass(frozen=True)
class BenchmarkOutcome:
    """What a benchmark has to tell when all of its cells are done, or after a dry run.

    Attributes:
        plan: What there was to do.
        places: Where the runs are to be found; lines for a person.
        runs: The finished runs of the store that hold cells, by identity; none after a dry run.
    """

    plan: Plan
    places: Sequence[str]
    runs: Mapping[str, StoredRun] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """What each cell is, whether it was done before, its run, and its mean over the targets."""
        return [self._row(cell, self.runs.get(cell.identity)) for cell in self.plan.cells]

    def _row(self, cell: Cell, run: StoredRun | None) -> dict[str, Any]:
        return {
            "model": cell.config.model,
            "strategy": cell.strategy,
            "objective": cell.objective,
            "realign_when": cell.realign_when,
            "task": cell.task,
            "seed": cell.config.seed,
            "done_before": cell.identity in self.plan.done,
            "run_id": run.run_id if run else self.plan.done.get(cell.identity),
            "metric": run.tags.get(METRIC) if run else None,
            "target_mean": target_mean(run) if run else None,
        }


def benchmark(
    options: Mapping[str, Any], show: Callable[[Plan], None] = lambda plan: None
) -> BenchmarkOutcome:
    """Do what a grid has to do, or say what that is.

    Args:
        options: Values by name, as ``alignfreeze benchmark --help`` lists them.
        show: Called with the plan, before anything is done.

    Returns:
        The ``plan`` (its cells, and what was done before), and where the runs are (``places``).

    Raises:
        AlignFreezeError: If an option, a file or a plugin is at fault; or when all is done, if
            cells have failed.
        Interrupted: When a signal asked the process to end; the same call goes on from there.

    Example:
        >>> outcome = benchmark({"preset": "demo", "tasks": ["pos"], "dry_run": True})
        >>> len(outcome.plan.cells)  # four strategies with three seeds
        12
    """
    with signals_as_exceptions("the same command goes on"):
        if not _is_dry(options):
            return _do(options, show)
        # It leaves nothing, unless `mlflow run` has opened a run for it.
        with given_run(f"{RUN_NAME}, dry run"):
            layers = LayerCounts()
            _, plan = _planned(options, layers)
            show(plan := replace(plan, assumed=tuple(layers.assumed)))
            return BenchmarkOutcome(plan, [])


def _is_dry(options: Mapping[str, Any]) -> bool:
    """Whether nothing is to be done, as far as options that are at fault let one tell."""
    try:
        return build_benchmark(options).settings.dry_run
    except ConfigError:
        return str(given_options(options).get("dry_run", "")).lower() not in ("", "false")


def _planned(
    options: Mapping[str, Any], layers: Callable[[str], int] = read_layers
) -> tuple[Grid, Plan]:
    refuse_torchrun("a benchmark")
    grid = build_benchmark(options)
    store.contact()
    cells = cells_of(grid, layers)
    runs = store.stored_runs(()) if location.has_store() else ()
    return grid, make_plan(cells, runs, grid.settings.workers)


def _do(options: Mapping[str, Any], show: Callable[[Plan], None]) -> BenchmarkOutcome:
    with ExitStack() as stack:
        try:
            grid, plan = _planned(options)
            show(plan)
            settings = grid.settings
            identity = hash_of([cell.identity for cell in plan.cells])
            name = settings.study or f"benchmark-{identity[:12]}"
            url = storage_url(settings)
            storage = stack.enter_context(open_storage(url, settings.heartbeat, retry))
            stack.enter_context(
                sole_coordinator(storage, name, what="done", subcommand=BENCHMARK_WORKER)
            )
            queue = open_cells(storage, name)
            _claim_for_grid(queue, identity, settings.heartbeat)
        except AlignFreezeError:
            with tracked_run(RUN_NAME, Kind.BENCHMARK):
                raise
        known = queue.study.user_attrs.get(RUN_ID)
        if known is not None and store.is_deleted(known):
            known = None
        with study_run(_run_name(plan), Kind.BENCHMARK, known, name) as run:
            run.waits(plan.cells[0].config.tracking_wait)
            if known is None:
                # What the grid is, and a file to do it again.
                run.params({f"benchmark.{option}": value for option, value in grid.options.items()})
                run.tags({STUDY: name})
                options_text = yaml.safe_dump(grid.options, sort_keys=False, allow_unicode=True)
                run.text(options_text, GRID_FILE)
                queue.study.set_user_attr(RUN_ID, run.run_id)
            logger.info("study %s in %s", name, without_password(url))
            runs = _work_off(grid, plan, queue, Owner(name, str(run.run_id)), run, url)
            return BenchmarkOutcome(plan, location.places(str(run.run_id)), runs)


def _run_name(plan: Plan) -> str:
    """What the run of a grid is called."""
    tasks = dict.fromkeys(cell.task for cell in plan.cells)
    models = dict.fromkeys(cell.config.model for cell in plan.cells)
    return study_run_name("benchmark", tasks, models, f"{len(plan.cells)} cells")


def _claim_for_grid(queue: TrialQueue, identity: str, heartbeat: int) -> None:
    """Make a queue's study that of a grid, unless it is that already, or of something else."""
    study = queue.study
    known = study.user_attrs.get(GRID)
    foreign = known is None and (study.user_attrs or queue.trials())
    if foreign or known not in (None, identity):
        raise ConfigError(
            f"study {shown(study.study_name)} is not of this grid: it was begun with other "
            "options, data or models, or by another version of the code; give it another name"
        )
    study.set_user_attr(GRID, identity)
    study.set_user_attr(HEARTBEAT, heartbeat)


def _work_off(
    grid: Grid, plan: Plan, queue: TrialQueue, owner: Owner, run: TrackedRun, url: str
) -> Mapping[str, StoredRun]:
    """Do all cells that are to be done, and keep records of them, after an interruption too.

    Returns:
        The runs that hold cells, by identity.
    """
    queue.study.set_user_attr(FINISHED, False)
    log = CellLog(queue, plan)
    wanted = {cell.identity: attributes_of(cell) for cell in plan.to_do}
    if any(cell != {**cell, **wanted.get(key_of(cell), {})} for cell in waiting_in(queue)):
        queue.withdraw()  # data or a model has moved since they were put in
    # One that is complete, and yet to be done, has lost its run.
    put_in(queue, wanted, key_of, complete_too=True)
    logs = cache_root() / "benchmark" / f"{hash_of([owner.name, owner.run_id])[:16]}-logs"
    there = [c for c in plan.cells if plan.done.get(c.identity) not in plan.dropped]
    encoders = SharedEncoders(there, owner.run_id, shared=grid.settings.drop_encoders)

    def look() -> None:
        log.look()
        encoders.drop(log.finished_runs())

    try:
        with started_workers(
            grid.settings, study=owner.name, storage=url, subcommand=BENCHMARK_WORKER, logs=logs
        ) as workers:
            workers.work_on(queue, Bench(owner, queue).do, look=look)
            queue.study.set_user_attr(FINISHED, True)
    finally:
        end_dead_runs()
        runs = log.leave_records(run)
    if failed := log.problems():
        cell, problem = failed[0]
        raise AlignFreezeError(
            f"{len(failed)} of {len(plan.cells)} cells failed, such as {cell}: {problem}; "
            "the same command tries them again"
        )
    return runs


class CellLog:
    """Tells of the cells of a plan that are done in a queue as they end."""

    def __init__(self, queue: TrialQueue, plan: Plan) -> None:
        self._queue = queue
        self._plan = plan
        self._cells = {cell.identity: cell for cell in plan.to_do}
        self._before = {end.trial for end in ends_of(queue, key_of).values()}
        self._told: set[str] = set()

    def look(self) -> None:
        """Log what has ended since the last look."""
        for identity, end in self._ends().items():
            if identity in self._told:
                continue
            self._told.add(identity)
            cell, count = self._cells[identity], f"[{len(self._told)}/{len(self._cells)}]"
            if end.problem:
                logger.warning("%s %s failed: %s", count, cell, end.problem)
            else:
                logger.info("%s %s: done, %.1f s", count, cell, end.seconds)

    def problems(self) -> list[tuple[Cell, str]]:
        """The cells that have failed, and why."""
        ends = self._ends().items()
        return [(self._cells[identity], end.problem) for identity, end in ends if end.problem]

    def finished_runs(self) -> dict[str, str]:
        """The runs of the cells that are done, by identity."""
        ends = self._ends().items()
        new = {identity: end.run_id for identity, end in ends if end.run_id and not end.problem}
        return {**self._plan.done, **new}

    def leave_records(self, run: TrackedRun) -> Mapping[str, StoredRun]:
        """Log what is known so far: a row for each cell, and how many have each state.

        Returns:
            The runs that hold cells, by identity.
        """
        ends = self._ends()
        table = pd.DataFrame([self._row(c, ends.get(c.identity)) for c in self._plan.cells])
        run.text(csv_text(table), CELLS_FILE)
        counts = Counter(table["state"])
        for state in (DONE, FAILED, TO_DO):
            run.metric(cells_metric(state), counts[state])
        runs = stored_cells()
        run.describe(description(self._plan.cells, counts, runs))
        return runs

    def _row(self, cell: Cell, end: CellEnd | None) -> dict[str, Any]:
        """What a cell is, its state, seconds, run and problem."""
        before = self._plan.done.get(cell.identity)
        state = DONE if end or before else TO_DO
        return {
            "model": cell.config.model,
            "task": cell.task,
            "strategy": cell.strategy,
            "objective": cell.objective,
            "realign_when": cell.realign_when,
            "seed": cell.config.seed,
            "state": FAILED if end and end.problem else state,
            "seconds": end.seconds if end else None,
            "run_id": end.run_id if end else before,
            "problem": end.problem if end else None,
        }

    def _ends(self) -> dict[str, CellEnd]:
        """How the cells have ended, by identity; those that have not are left out."""
        return {
            identity: end
            for identity, end in ends_of(self._queue, key_of).items()
            if identity in self._cells and end.trial not in self._before
        }
