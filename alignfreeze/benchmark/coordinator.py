"""A benchmark from its options to its end: the process that fills the queue, and looks on."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

import yaml

from alignfreeze.base.caching import cache_root
from alignfreeze.base.digests import hash_of
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.benchmark.cell_states import leave_records
from alignfreeze.benchmark.cells import cells_of
from alignfreeze.benchmark.console import Watch
from alignfreeze.benchmark.execution import Bench, Owner, attributes_of, key_of
from alignfreeze.benchmark.plan import Plan, make_plan
from alignfreeze.benchmark.settings import Grid, build_benchmark
from alignfreeze.benchmark.study import claim_for_grid, remember, run_of
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.search.study import FINISHED, RUN_ID
from alignfreeze.tracking import store
from alignfreeze.tracking.runs import TrackedRun, end_dead_runs, tracked_run
from alignfreeze.workers.cells import open_cells, put_in, waiting_in
from alignfreeze.workers.command import BENCHMARK_WORKER
from alignfreeze.workers.coordination import crew, refuse_torchrun, study_run
from alignfreeze.workers.queue import TrialQueue, retry
from alignfreeze.workers.storage import open_storage, sole_coordinator, without_password

logger = logging.getLogger(__name__)

RUN_NAME = "alignfreeze benchmark"
GRID_FILE = "grid.yaml"


@dataclass(frozen=True)
class BenchmarkOutcome:
    """What a benchmark has to tell when all of its cells are done, or after a dry run.

    Attributes:
        plan: What there was to do.
        places: Where the runs are to be found; lines for a person.
    """

    plan: Plan
    places: Sequence[str]


def benchmark(
    options: Mapping[str, str], show: Callable[[Plan], None] = lambda plan: None
) -> BenchmarkOutcome:
    """Do what a grid has to do, or say what that is.

    Args:
        options: Text by the name of an option (see `build_benchmark`).
        show: Called with the plan, before anything is done.

    Raises:
        AlignFreezeError: If an option, a file or a plugin is at fault; or when all is done, if
            cells have failed.
        Interrupted: When a signal asked the process to end; the same call goes on from there.
    """
    with signals_as_exceptions("the same command goes on"):
        if not _is_dry(options):
            return _do(options, show)
        # It leaves nothing, unless `mlflow run` has opened a run for it.
        with tracked_run(RUN_NAME) if "MLFLOW_RUN_ID" in os.environ else nullcontext():
            _, plan = _planned(options)
            show(plan)
            return BenchmarkOutcome(plan, [])


def _is_dry(options: Mapping[str, str]) -> bool:
    """Whether nothing is to be done, as far as options that are at fault let one tell."""
    try:
        return build_benchmark(options).settings.dry_run
    except ConfigError:
        return options.get("dry_run", "").lower() not in ("", "false")


def _planned(options: Mapping[str, str]) -> tuple[Grid, Plan]:
    refuse_torchrun("a benchmark")
    grid = build_benchmark(options)
    cells = cells_of(grid)
    runs = store.stored_runs(()) if store.has_store() else ()
    return grid, make_plan(cells, runs, grid.settings.workers)


def _do(options: Mapping[str, str], show: Callable[[Plan], None]) -> BenchmarkOutcome:
    with ExitStack() as stack:
        try:
            grid, plan = _planned(options)
            show(plan)
            settings = grid.settings
            identity = hash_of([cell.identity for cell in plan.cells])
            name = settings.study or f"benchmark-{identity[:12]}"
            url = settings.storage or f"sqlite:///{store.store_folder() / 'optuna.db'}"
            storage = stack.enter_context(open_storage(url, settings.heartbeat, retry))
            stack.enter_context(
                sole_coordinator(storage, name, what="done", subcommand=BENCHMARK_WORKER)
            )
            queue = open_cells(storage, name)
            claim_for_grid(queue, identity, settings.heartbeat)
        except AlignFreezeError:
            with tracked_run(RUN_NAME):
                raise
        known = run_of(queue)
        if known is not None and store.is_deleted(known):
            known = None
        with study_run(RUN_NAME, known, name) as run:
            if known is None:
                _describe(run, grid, name)
                remember(queue, RUN_ID, run.run_id)
            logger.info("study %s in %s", name, without_password(url))
            _work_off(grid, plan, queue, Owner(name, str(run.run_id)), run, url)
            return BenchmarkOutcome(plan, store.places(str(run.run_id)))


def _describe(run: TrackedRun, grid: Grid, study: str) -> None:
    """Log what the grid is, and a file to do it again."""
    run.params({f"benchmark.{name}": value for name, value in grid.options.items()})
    run.tags({"study": study})
    run.text(yaml.safe_dump(dict(grid.options), sort_keys=False, allow_unicode=True), GRID_FILE)


def _work_off(
    grid: Grid, plan: Plan, queue: TrialQueue, owner: Owner, run: TrackedRun, url: str
) -> None:
    """Do all cells that are to be done, and keep records of them, after an interruption too."""
    cells = plan.to_do
    remember(queue, FINISHED, False)
    watch = Watch(queue, cells)
    wanted = {cell.identity: attributes_of(cell) for cell in cells}
    for waiting in waiting_in(queue):
        if waiting != {**waiting, **wanted.get(key_of(waiting), {})}:
            queue.withdraw()  # data or a model has moved since they were put in
            break
    # One that is complete, and yet to be done, has lost its run.
    put_in(queue, wanted, key_of, complete_too=True)
    logs = cache_root() / "benchmark" / f"{hash_of([owner.name, owner.run_id])[:16]}-logs"
    try:
        with crew(
            grid.settings, study=owner.name, storage=url, subcommand=BENCHMARK_WORKER, logs=logs
        ) as workers:
            workers.work_on(queue, Bench(owner, queue).do, look=watch.look)
            remember(queue, FINISHED, True)
    finally:
        end_dead_runs()
        leave_records(run, plan, watch.ends())
    if failed := watch.problems():
        cell, problem = failed[0]
        raise AlignFreezeError(
            f"{len(failed)} of {len(plan.cells)} cells failed, such as {cell}: {problem}; "
            "the same command tries them again"
        )
