"""Which encoders of a grid no cell needs any more."""

from collections.abc import Mapping, Sequence

from alignfreeze.benchmark.cells import Cell, realignment_of
from alignfreeze.runs.realigned import ENCODER_FOLDER
from alignfreeze.tracking.dropping import drop_encoder


class SharedEncoders:
    """Drops each encoder that was kept for cells once all of them are done.

    Args:
        cells: The cells of a grid.
        grid: The id of its run.
        shared: Whether those too that several cells fine-tune; one that a single cell fine-tunes
            always is, as it is kept for that cell alone.
    """

    def __init__(self, cells: Sequence[Cell], grid: str, *, shared: bool) -> None:
        self._grid = grid
        self._sharing: dict[str, list[str]] = {}
        for cell in cells:
            if shared if cell.shares else cell.realigns_before:
                self._sharing.setdefault(realignment_of(cell.config), []).append(cell.identity)

    def drop(self, done: Mapping[str, str]) -> None:
        """Drop those that are shared by none but cells that are done.

        Args:
            done: The finished runs of these cells, by identity.
        """
        for realignment, identities in list(self._sharing.items()):
            if all(identity in done for identity in identities):
                del self._sharing[realignment]
                drop_encoder([done[cell] for cell in identities], self._grid, ENCODER_FOLDER)
