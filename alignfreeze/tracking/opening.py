"""Opening a run: in which experiment, under which name, and what it says of its program."""

import os
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import mlflow
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils import name_utils
from mlflow.utils.git_utils import get_git_commit
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT

from alignfreeze import __version__
from alignfreeze.base.processes import this_process
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.credentials import without_passwords
from alignfreeze.tracking import names
from alignfreeze.tracking.creation import ready_experiment
from alignfreeze.tracking.names import ERROR, PROCESS, TAG, Kind
from alignfreeze.tracking.talking import asking
from alignfreeze.tracking.unlogged import CREATE, Write
from alignfreeze.tracking.writing import WRITER

RUN_ID = "MLFLOW_RUN_ID"
"""The variable by which `mlflow run` says which run it has opened."""


class Opened(NamedTuple):
    """A run that is open: its id, and whether what it is called is left to us."""

    run_id: str
    named_by_us: bool


def open_run(
    name: str, kind: Kind | None, *, nested: bool, parent: str | None, again: str | None
) -> Opened:
    """Open a run: in the store, or if that is away, and it is nested, in the journal.

    Args:
        name: What it is called, unless the user has named it.
        kind: What it is, if that is known.
        nested: Whether it belongs into the one that is open here.
        parent: The run that it belongs into, by its id, if that is open in another process.
        again: A run that has ended, by its id, to be gone on with.

    Raises:
        TrackingError: If the store refuses it; if it is away, unless the run is nested.
    """
    tags = ({TAG + names.KIND: str(kind)} if kind else {}) | _tags_of_all()
    outer = parent or next(reversed(WRITER.open_runs), None)
    there = again or (None if outer else os.environ.get(RUN_ID))

    def start() -> Opened:
        within, known = (mlflow.get_run(one) if one else None for one in (outer, there))
        experiment = within.info.experiment_id if within else None
        ours = not again and (known is None or _is_random(known))
        started = mlflow.start_run(
            again,
            experiment_id=experiment if within or known else ready_experiment(),
            run_name=name if ours else None,
            nested=nested,
            parent_run_id=parent,
            tags=tags | _commit(within or known),
            log_system_metrics=False,  # by `system_metrics`, which does not lose them
        )
        if again and TAG + ERROR in started.data.tags:  # it has not failed any more
            MlflowClient().delete_tag(again, TAG + ERROR)
        _hide_passwords(started)
        run_id = str(started.info.run_id)
        _commits[run_id] = _commit(started)
        return Opened(run_id, ours)

    if outer is None or again:
        with asking("open a run"):
            return start()
    made = f"unlogged-{uuid4().hex}"
    said = {
        tag: kept(value) for tag, value in resolve_tags({**tags, **_commits.get(outer, {})}).items()
    }
    values = {"name": name, "parent": outer, "tags": said, "time": int(time.time() * 1000)}
    return WRITER.write(Write(CREATE, made, values), start) or Opened(made, named_by_us=True)


def opened_since(before: Run | None) -> str | None:
    """The id of the run that MLflow has open, if that is another than before."""
    active = mlflow.active_run()
    if active is None or (before is not None and active.info.run_id == before.info.run_id):
        return None
    return str(active.info.run_id)


def kept(text: str) -> str:
    """A text as it may be kept, and be read again."""
    return without_passwords(text, words=False)


def _is_random(run: Run) -> bool:
    """Whether MLflow has drawn a run's name, as nobody gave it one: ``sneaky-bird-123``."""
    first, _, rest = str(run.info.run_name).partition("-")
    second, _, number = rest.partition("-")
    words = (name_utils._GENERATOR_PREDICATES, name_utils._GENERATOR_NOUNS)
    return first in words[0] and second in words[1] and number.isdecimal()


_commits: dict[str, Mapping[str, str]] = {}
"""What `_commit` is of the runs that were opened here, for when the store is away."""


def _commit(known: Run | None) -> dict[str, str]:
    """The tag of the commit that a run's code is of.

    That is what a run says that is known, the one that it is nested in; or what MLflow finds of the
    program that was started; or of this package.
    """
    said = known.data.tags if known else resolve_tags({})
    commit = said.get(MLFLOW_GIT_COMMIT) or _own_commit()
    return {MLFLOW_GIT_COMMIT: commit} if commit else {}


@cache
def _own_commit() -> str | None:
    """The commit of this package's clone; ``None`` where it is in none."""
    return get_git_commit(str(Path(__file__).parent))


def _hide_passwords(begun: Run) -> None:
    """Mend what MLflow says by itself of the program, such as the URL that it is from."""
    hidden = {name: kept(value) for name, value in begun.data.tags.items()}
    for name, value in hidden.items():
        if value != begun.data.tags[name]:
            MlflowClient().set_tag(begun.info.run_id, name, value)


def _tags_of_all() -> dict[str, str]:
    """What every run of this program says of what computes it."""
    tags = {
        names.VERSION: __version__,
        names.LIBRARIES: versions_text(library_versions()),
        names.CODE: code_digest(),
        PROCESS: this_process(),
    }
    return {TAG + name: value for name, value in tags.items()}
