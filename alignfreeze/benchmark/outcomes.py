"""How the cells of a grid have ended: what a person is told, and what its MLflow run keeps."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from alignfreeze.benchmark.cells import Cell
from alignfreeze.benchmark.execution import key_of
from alignfreeze.benchmark.plan import DONE, TO_DO, Plan
from alignfreeze.tracking.names import cells_metric
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.assignments import CellEnd, ends_of
from alignfreeze.workers.queue import TrialQueue

logger = logging.getLogger(__name__)

CELLS_FILE = "cells.csv"
FAILED = "failed"


class CellLog:
    """Logs the cells of a queue as they end.

    Args:
        queue: The queue.
        cells: Those that are to be done.
    """

    def __init__(self, queue: TrialQueue, cells: Sequence[Cell]) -> None:
        self._queue = queue
        self._cells = {cell.identity: cell for cell in cells}
        self._before = {end.trial for end in ends_of(queue, key_of).values()}
        self._told: set[str] = set()

    def look(self) -> None:
        """Log what has ended since the last look."""
        for identity, end in self.ends().items():
            if identity not in self._told:
                self._told.add(identity)
                self._tell(self._cells[identity], end)

    def problems(self) -> list[tuple[Cell, str]]:
        """The cells that have failed, and why."""
        ends = self.ends().items()
        return [(self._cells[identity], end.problem) for identity, end in ends if end.problem]

    def ends(self) -> dict[str, CellEnd]:
        """How the cells have ended, by identity; those that have not are left out."""
        return {
            identity: end
            for identity, end in ends_of(self._queue, key_of).items()
            if identity in self._cells and end.trial not in self._before
        }

    def _tell(self, cell: Cell, end: CellEnd) -> None:
        count = f"[{len(self._told)}/{len(self._cells)}]"
        if end.problem:
            logger.warning("%s %s failed: %s", count, cell, end.problem)
        else:
            logger.info("%s %s: done, %.1f s", count, cell, end.seconds)


def leave_records(run: TrackedRun, plan: Plan, ends: Mapping[str, CellEnd]) -> None:
    """Log what is known so far of a grid's cells.

    Args:
        run: The grid's run.
        plan: The cells, and what was done of them before.
        ends: How cells have ended since, by identity.
    """
    table = cell_table(plan, ends)
    run.text(str(table.to_csv(index=False)), CELLS_FILE)
    counts = Counter(table["state"])
    for state in (DONE, FAILED, TO_DO):
        run.metric(cells_metric(state), counts[state])


def cell_table(plan: Plan, ends: Mapping[str, CellEnd]) -> pd.DataFrame:
    """A row for each cell: what it is, its state, seconds, run and problem."""
    rows = []
    for cell in plan.cells:
        end = ends.get(cell.identity)
        state = DONE if cell.identity in plan.done else TO_DO
        if end is not None:
            state = FAILED if end.problem else DONE
        rows.append(
            {
                "model": cell.config.model,
                "task": cell.task,
                "strategy": cell.strategy,
                "seed": cell.config.seed,
                "state": state,
                "seconds": end.seconds if end else None,
                "run_id": end.run_id if end else plan.done.get(cell.identity),
                "problem": end.problem if end else None,
            }
        )
    return pd.DataFrame(rows)
