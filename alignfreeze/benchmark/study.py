"""A grid's study in Optuna's storage: its queue of cells, and what workers have to know."""

from alignfreeze.errors import ConfigError
from alignfreeze.search.study import FINISHED, RUN_ID
from alignfreeze.workers.queue import TrialQueue

GRID = "grid"
"""What a study of a grid remembers: the hash of its cells."""

HEARTBEAT = "grid_heartbeat"
"""What it remembers for workers that join: how often they have to give a sign of life."""


def claim_for_grid(queue: TrialQueue, identity: str, heartbeat: int) -> None:
    """Make a study that of a grid, unless it is that already.

    Args:
        queue: Its queue.
        identity: The hash of its cells.
        heartbeat: Seconds between signs of life.

    Raises:
        ConfigError: If it is of something else.
    """
    known = queue.study.user_attrs.get(GRID)
    foreign = known is None and (queue.study.user_attrs or queue.trials())
    if foreign or known not in (None, identity):
        raise ConfigError(
            f"study {queue.study.study_name!r} is not of this grid: it was begun with other "
            "options, data or models, or by another version of the code; give it another name"
        )
    remember(queue, GRID, identity)
    remember(queue, HEARTBEAT, heartbeat)


def remember(queue: TrialQueue, attribute: str, value: object) -> None:
    """Make a study remember something that JSON can say."""
    queue.study.set_user_attr(attribute, value)


def run_of(queue: TrialQueue) -> str | None:
    """The MLflow run of a grid; ``None`` before it has one."""
    run_id = queue.study.user_attrs.get(RUN_ID)
    return None if run_id is None else str(run_id)


def is_finished(queue: TrialQueue) -> bool:
    """Whether a grid's coordinator has said that nothing is left to do."""
    return bool(queue.study.user_attrs.get(FINISHED))
