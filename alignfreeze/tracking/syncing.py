"""Logging later what could not be logged, as the tracking store was away: each write once."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient
from pydantic import NonNegativeInt, TypeAdapter

from alignfreeze.base.caching import SUMS, locked, seal
from alignfreeze.base.progress import progress_bar
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.tracking.names import ERROR, TAG, UNLOGGED
from alignfreeze.tracking.store import search_runs
from alignfreeze.tracking.talking import asking, store_identity
from alignfreeze.tracking.unlogged import ARTIFACTS, CREATE, END, WRITES, Journal, Write
from alignfreeze.tracking.writing import apply

PROGRESS = "synced.json"

NAMING = (".yaml", ".json", ".csv")
"""Files among a run's artifacts that may name other runs."""


@dataclass
class Synced:
    """What of a journal is in the store.

    Attributes:
        store: The tracking store.
        writes: How many of the writes, from the first.
        runs: Runs that were made, by their ids in the journal.
    """

    store: str
    writes: NonNegativeInt = 0
    runs: dict[str, str] = field(default_factory=dict)

    def named(self, text: str) -> str:
        """A text with the ids that runs have in the store."""
        for before, after in self.runs.items():
            text = text.replace(before, after)
        return text

    def save(self, folder: Path) -> None:
        """Remember it beside the journal."""
        new = folder / f".{PROGRESS}"
        new.write_text(json.dumps(asdict(self)), "utf-8")
        new.replace(folder / PROGRESS)


def sync(folder: Path, *, any_store: bool = False) -> Synced:
    """Log what is in a journal; what is logged already is not logged again.

    Args:
        folder: The journal's.
        any_store: Whether it may be another store, such as the same one under another address.

    Raises:
        ConfigError: If the journal is for another store, or is still written.
        DataError: If the folder is none, or is damaged.
        TrackingError: If the store is away or refuses; the same call goes on from there.
    """
    journal = Journal(folder)
    about = journal.about()
    try:
        with locked(folder / WRITES, wait=0):
            done, writes = _progress(folder), journal.writes()
            if not any_store:
                _check_store(folder, {about["store"], done.store} - {""})
            done.store = store_identity()
            for write in progress_bar(writes[done.writes :], "sync", "write", shown=True):
                with asking(f"take {write.kind} of run {write.run_id}"):
                    _replay(write, done, folder.resolve().name)
                done.writes += 1
                done.save(folder)
    except BlockingIOError:
        raise ConfigError(f"{folder} is in use by another process; wait for it to end") from None
    return done


def _check_store(folder: Path, known: set[str]) -> None:
    store = store_identity()
    for other in known - {store}:
        raise ConfigError(
            f"{folder} is for the tracking store {other}, and MLFLOW_TRACKING_URI names {store}; "
            "--any-store logs it there, if that has the same runs under another address"
        )


def _progress(folder: Path) -> Synced:
    file = folder / PROGRESS
    try:
        return TypeAdapter(Synced).validate_json(file.read_bytes()) if file.exists() else Synced("")
    except (OSError, ValueError) as error:
        raise DataError("cannot be read; without it all is logged anew", file=file) from error


def _replay(write: Write, done: Synced, journal: str) -> None:
    if write.kind == CREATE:
        done.runs[write.run_id] = _made(write, done, f"{journal}/{write.run_id}")
        return
    # Runs name other runs, and so do files of theirs.
    write = Write(**json.loads(done.named(json.dumps(write._asdict()))))
    if write.kind == ARTIFACTS:
        _rename(Path(write.values["folder"]), done)
    apply(write)
    finished = write.kind == END and write.values["status"] == "FINISHED"
    if finished and TAG + ERROR in mlflow.get_run(write.run_id).data.tags:
        # Who took it for dead was wrong.
        MlflowClient().delete_tag(write.run_id, TAG + ERROR)


def _rename(folder: Path, done: Synced) -> None:
    """Give runs in a journal's files the ids that they have in the store."""
    for file in folder.rglob("*"):
        if file.suffix in NAMING:
            text = file.read_text("utf-8")
            if (named := done.named(text)) != text:
                file.write_text(named, "utf-8", newline="\n")
    for sums in folder.rglob(SUMS):
        seal(sums.parent)


def _made(write: Write, done: Synced, mark: str) -> str:
    """The id of a run that a journal makes; one that was made, and not remembered, is found."""
    values = write.values
    parent = done.runs.get(values["parent"], values["parent"])
    experiment = mlflow.get_run(parent).info.experiment_id
    found = search_runs(f"tags.`{TAG}{UNLOGGED}` = '{mark}'", [experiment])
    if found:
        return str(found[0].info.run_id)
    tags = {**values["tags"], "mlflow.parentRunId": parent, TAG + UNLOGGED: mark}
    made = MlflowClient().create_run(experiment, values["time"], tags, values["name"])
    return str(made.info.run_id)
