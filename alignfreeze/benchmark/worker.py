"""A worker: does cells of a grid that another process coordinates, from any machine."""

from collections.abc import Mapping

from alignfreeze.base.paths import existing_folder
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.benchmark.execution import DATA, HEARTBEAT, Bench, check_place
from alignfreeze.data.finding import HUB
from alignfreeze.errors import ConfigError
from alignfreeze.messages import LONG, shown
from alignfreeze.tracking import store
from alignfreeze.workers.assignments import open_cells
from alignfreeze.workers.queue import RUN_ID, retry
from alignfreeze.workers.storage import FINISHED, begun_study, open_storage
from alignfreeze.workers.worker import Owner, work_until_finished


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
            folder = place.removeprefix(f"{HUB}:") if name == DATA else place
            if existing_folder(folder) is None:
                raise ConfigError(f"{name}: there is no folder {shown(folder, LONG)}")
            if name != DATA:
                check_place(name, place)
        heartbeat = begun_study(study, url, HEARTBEAT)[HEARTBEAT]
        with open_storage(url, heartbeat, retry) as storage:
            queue = open_cells(storage, study)
            run_id = queue.study.user_attrs.get(RUN_ID)
            if run_id is None:
                raise ConfigError(f"study {shown(study)} has only just been begun; try again")
            store.require_run(run_id)
            bench = Bench(Owner(study, run_id), queue, places)
            return work_until_finished(
                lambda: bool(queue.study.user_attrs.get(FINISHED)), [(queue, bench.do)]
            )
