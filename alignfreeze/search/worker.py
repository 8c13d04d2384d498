"""A worker: takes trials from a study's queues until there are none left."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from alignfreeze.base.caching import building
from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.errors import ConfigError
from alignfreeze.search.context import Ground
from alignfreeze.search.study import FINISHED, SPACE, StudyHandle, find_study
from alignfreeze.search.trials import run_baseline, run_test, run_trial
from alignfreeze.tracking import store
from alignfreeze.workers.loop import work_until_finished
from alignfreeze.workers.queue import Claim, TrialQueue

Work = Callable[[StudyHandle, Ground, Claim], None]


def jobs(handle: StudyHandle) -> list[tuple[TrialQueue, Work]]:
    """The queues of a study in their order, and what is done with their trials."""
    return [
        (handle.baseline, run_baseline),
        (handle.trials, run_trial),
        (handle.final, run_test),
    ]


def join(study: str, url: str, *, data: str = "", model: str = "") -> int:
    """Work on a study that is being searched, until it is done.

    Args:
        study: Its name.
        url: Optuna's storage.
        data: Where its data is on this machine, if elsewhere.
        model: Where its model is on this machine, if elsewhere.

    Returns:
        How many trials this worker has done.

    Raises:
        AlignFreezeError: If there is no such study, or data, model or code are others here.
        Interrupted: When a signal asked the process to end; the trial in hand is given back.
    """
    with (
        signals_as_exceptions("what it had in hand was given back"),
        find_study(study, url) as handle,
    ):
        store.require_run(handle.run_id)
        here = {name: value for name, value in {"data": data, "model": model}.items() if value}
        ground = Ground(handle.config.model_copy(update=here), handle.settings, _space_file(handle))
        if others := handle.begun_with(ground.identity):
            raise ConfigError(f"study {study!r} was begun with {others} than this worker has")
        return work_until_finished(
            lambda: bool(handle.known(FINISHED)),
            [(queue, partial(job, handle, ground)) for queue, job in jobs(handle)],
        )


def _space_file(handle: StudyHandle) -> Path | None:
    """The space file that the study was begun with, written to this machine."""
    text = handle.known(SPACE)
    if not text:
        return None
    folder = handle.models.with_name(f"{handle.models.name}-space")
    if not folder.is_dir():
        with building(folder) as empty:
            (empty / "space.yaml").write_text(text, "utf-8")
    return folder / "space.yaml"
