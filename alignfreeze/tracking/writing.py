"""What this process writes into the tracking store; into a folder once that is away too long."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from alignfreeze.base.processes import this_process
from alignfreeze.base.signals import asked_to_end
from alignfreeze.config import RunConfig
from alignfreeze.errors import TrackingError
from alignfreeze.tracking.models import log_model, register_model
from alignfreeze.tracking.talking import StoreAwayError, asking, store_identity
from alignfreeze.tracking.unlogged import (
    ARTIFACTS,
    CREATE,
    END,
    MODEL,
    REGISTER,
    Journal,
    Write,
    remedy,
)

logger = logging.getLogger(__name__)

WAIT_SECONDS: int = RunConfig.model_fields["tracking_wait"].default
"""How long a store that went away is waited for, unless a run is told otherwise."""
LAST_SECONDS = 10
"""How long at most by a process that was asked to end."""
PAUSE_SECONDS = (0.5, 5.0)
"""Between two attempts, at first and at most."""

CLASHES = 100
"""How often something may have been added by another process: a run has far fewer data sets."""

_ADDED_BY_ANOTHER = re.compile("IntegrityError|UniqueViolation")
"""What drivers of databases raise where two would add the same row; a server passes it on."""

T = TypeVar("T")


def apply(write: Write) -> None:
    """Write into a run of the store; to do so again changes nothing."""
    beside_others(partial(_apply, write))


def beside_others(call: Callable[[], T]) -> T:
    """Write something that may be done again, though other processes write the same at once.

    What runs share, such as their data sets, MLflow looks for, then adds if it has not found it; of
    two processes that do so at once, the later one is refused. The next time it is there.
    """
    for _ in range(CLASHES):
        try:
            return call()
        except MlflowException as error:
            if not _ADDED_BY_ANOTHER.search(str(error)):
                raise
    return call()


def _apply(write: Write) -> None:
    client, run_id, values = MlflowClient(), write.run_id, dict(write.values)
    match write.kind:
        case "params":
            mlflow.log_params(values, run_id=run_id)
        case "tags":
            client.log_batch(run_id, tags=[RunTag(name, text) for name, text in values.items()])
        case "metrics":
            client.log_batch(run_id, metrics=[Metric(*metric) for metric in values["metrics"]])
        case "results":
            params = [Param(name, text) for name, text in values["params"].items()]
            metrics = [Metric(*metric) for metric in values["metrics"]]
            client.log_batch(run_id, metrics, params)
        case "name":
            client.update_run(run_id, name=values["name"])
        case "inputs":
            client.log_inputs(run_id, [_input(one) for one in values["inputs"]])
        case "text":
            client.log_text(run_id, values["content"], values["name"])
        case kind if kind == ARTIFACTS:
            client.log_artifacts(run_id, values["folder"], values["name"])
        case kind if kind == MODEL:
            log_model(run_id, Path(values["folder"]), values["name"])
        case kind if kind == REGISTER:
            register_model(run_id, **values)
        case kind if kind == END:
            active = mlflow.active_run()
            if active is not None and active.info.run_id == run_id:
                mlflow.end_run(values["status"])  # it is the active one no more, come what may
            else:
                client.set_terminated(run_id, values["status"], values["time"])
        case _:
            raise ValueError(f"kind must be that of a write, got {write.kind!r}")


def _input(values: Mapping[str, Any]) -> DatasetInput:
    """MLflow's of a `records.DataSet`."""
    about = {name: value for name, value in values.items() if name != "context"}
    return DatasetInput(Dataset(**about), [InputTag(MLFLOW_DATASET_CONTEXT, values["context"])])


class Writer:
    """How a process writes: at once, or when the store is back, or into a journal.

    Attributes:
        wait: How long a store that went away is waited for, in seconds.
        journal: Where everything goes since one did not come back; ``None`` while it is there.
        open_runs: The runs that are open here, by their ids, the outermost first.
    """

    def __init__(self) -> None:
        self.wait: float = WAIT_SECONDS
        self.journal: Journal | None = None
        self.open_runs: list[str] = []

    def write(self, write: Write, call: Callable[[], T | None] | None = None) -> T | None:
        """Write into a run, or into the journal.

        Args:
            write: What to write.
            call: What writes it, if it is not `apply`.

        Returns:
            What ``call`` has returned; ``None`` where it went into the journal.

        Raises:
            TrackingError: If the store refuses it; where no run is open, if it does not come back.
        """
        made = write.kind == CREATE
        asked = "make a run" if made else f"take {write.kind} of run {write.run_id}"
        if self.journal is None:
            try:
                return self.patiently(asked, call or partial(apply, write))
            except StoreAwayError as error:
                # A run that is made belongs into one that is open, if not here.
                self._give_up(error, of_a_run=bool(self.open_runs) or made)
        if self.journal is not None:
            self.journal.append(write)
        return None

    def ask(self, asked: str, call: Callable[[], T], otherwise: T) -> T:
        """Read from the store; what is there when it is away is ``otherwise``.

        Raises:
            TrackingError: As `write`.
        """
        if self.journal is None:
            try:
                return self.patiently(asked, call)
            except StoreAwayError as error:
                self._give_up(error, of_a_run=bool(self.open_runs))
        return otherwise

    def patiently(self, asked: str, call: Callable[[], T]) -> T:
        """Do something with the store, again and again while it is away, for as long as may be.

        Raises:
            StoreAwayError: If it does not come back.
            TrackingError: If it refuses.
        """
        began = time.monotonic()
        pause, most = PAUSE_SECONDS
        waited = False
        while True:
            try:
                with asking(asked):
                    found = call()
            except StoreAwayError as error:
                if asked_to_end():
                    self.hurry()
                left = began + self.wait - time.monotonic()
                if left <= 0:
                    raise
                if not waited:
                    logger.warning("%s; trying again for %.0f s", error, left)
                waited = True
                time.sleep(min(pause, left))
                pause = min(2 * pause, most)
            else:
                if waited:
                    logger.warning("the tracking store is back")
                return found

    def _give_up(self, error: TrackingError, *, of_a_run: bool) -> None:
        """Begin a journal, if there is a run that it can be of."""
        if not of_a_run:
            self.wait = 0  # once is enough
            raise error
        self.journal = Journal.begun(store_identity(), this_process())
        logger.warning(
            "%s; from now on everything goes into %s, to be logged later: %s",
            *(error, self.journal.folder, remedy([self.journal.folder])),
        )

    def opened(self, run_id: str) -> None:
        """Remember a run that has been opened."""
        self.open_runs.append(run_id)

    def end(self, run_id: str, status: str) -> None:
        """End a run, which is not open any more, whatever happens.

        Raises:
            TrackingError: As `write`.
        """
        try:
            self.write(Write(END, run_id, {"status": status, "time": int(time.time() * 1000)}))
        finally:
            if run_id in self.open_runs:
                self.open_runs.remove(run_id)
            active = mlflow.active_run()
            if active is not None and active.info.run_id == run_id:  # nobody has tried to end it
                with suppress(TrackingError), asking("end a run"):
                    mlflow.end_run("KILLED")  # what it is in truth is in the journal

    def hurry(self) -> None:
        """Wait for no more than a moment from now on: the process was asked to end."""
        self.wait = min(self.wait, LAST_SECONDS)

    def reset(self) -> None:
        """Begin anew, with a store that may be there again."""
        if self.journal is not None:
            self.journal.close()
        self.wait, self.journal = WAIT_SECONDS, None


WRITER = Writer()
"""This process's."""
