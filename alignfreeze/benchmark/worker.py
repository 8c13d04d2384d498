"""A worker: does cells of a grid that another process coordinates, from any machine."""

from collections.abc import Mapping
from pathlib import Path

from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.benchmark.execution import DATA, Bench, Owner, check_place
from alignfreeze.benchmark.study import HEARTBEAT, is_finished, run_of
from alignfreeze.data.finding import HUB
from alignfreeze.errors import ConfigError
from alignfreeze.search.study import begun_study
from alignfreeze.tracking import store
from alignfreeze.workers.cells import open_cells
from alignfreeze.workers.loop import work_until_finished
from alignfreeze.workers.queue import retry
from alignfreeze.workers.storage import open_storage


def join(study: str, url: str, places: Mapping[str, str]) -> int:
    """Work on a grid until it is done.

    Args:
        study: Name of its study.
        url: Optuna's storage.
        places: What stands on this machine for the grid's models, by their names there, and for
            its ``data``.

    Returns:
        How many cells this worker has done.

    Raises:
        AlignFreezeError: If there is no such grid, or a folder is not to be taken for another.
        Interrupted: When a signal asked the process to end; the cell in hand is given back.
    """
    with signals_as_exceptions("what it had in hand was given back"):
        for name, place in places.items():
            _check_place(name, place)
        heartbeat = begun_study(study, url, HEARTBEAT)[HEARTBEAT]
        with open_storage(url, heartbeat, retry) as storage:
            queue = open_cells(storage, study)
            run_id = run_of(queue)
            if run_id is None:
                raise ConfigError(f"study {study!r} has only just been begun; try again")
            store.require_run(run_id)
            bench = Bench(Owner(study, run_id), queue, places)
            return work_until_finished(lambda: is_finished(queue), [(queue, bench.do)])


def _check_place(name: str, place: str) -> None:
    """Check that a place is there."""
    folder = place.removeprefix(f"{HUB}:") if name == DATA else place
    if not Path(folder).expanduser().is_dir():
        raise ConfigError(f"{name}: there is no folder {folder!r}")
    if name != DATA:
        check_place(name, place)
