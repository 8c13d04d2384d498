"""What a person sees of a grid that is being done: a line for each cell that ends."""

import logging
from collections.abc import Sequence

from alignfreeze.benchmark.cells import Cell
from alignfreeze.benchmark.execution import key_of
from alignfreeze.workers.cells import CellEnd, ends_of
from alignfreeze.workers.queue import TrialQueue

logger = logging.getLogger(__name__)


class Watch:
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
