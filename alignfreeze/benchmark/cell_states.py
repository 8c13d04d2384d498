"""What a grid leaves in its MLflow run: how each cell has ended, and how many have."""

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from alignfreeze.benchmark.plan import DONE, TO_DO, Plan
from alignfreeze.tracking.names import cells_metric
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.cells import CellEnd

CELLS_FILE = "cells.csv"
FAILED = "failed"


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
