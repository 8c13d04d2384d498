"""How the cells of a grid have ended: what a person is told, and what its MLflow run keeps."""

import logging
from collections import Counter
from typing import Any

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

    def leave_records(self, run: TrackedRun) -> None:
        """Log what is known so far: a row for each cell, and how many have each state."""
        ends = self._ends()
        table = pd.DataFrame([self._row(c, ends.get(c.identity)) for c in self._plan.cells])
        run.text(str(table.to_csv(index=False)), CELLS_FILE)
        counts = Counter(table["state"])
        for state in (DONE, FAILED, TO_DO):
            run.metric(cells_metric(state), counts[state])

    def _row(self, cell: Cell, end: CellEnd | None) -> dict[str, Any]:
        """What a cell is, its state, seconds, run and problem."""
        before = self._plan.done.get(cell.identity)
        state = DONE if end or before else TO_DO
        return {
            "model": cell.config.model,
            "task": cell.task,
            "strategy": cell.strategy,
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
