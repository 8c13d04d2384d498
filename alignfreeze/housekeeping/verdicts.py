"""What of the cache may go, and why: the process is dead, or nobody needs it any more."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from alignfreeze.base.digests import hash_of
from alignfreeze.base.owners import owner_of
from alignfreeze.base.processes import is_dead
from alignfreeze.credentials import without_passwords
from alignfreeze.errors import TrackingError
from alignfreeze.housekeeping.contents import Entry, Kind
from alignfreeze.housekeeping.use import has_lock, is_locked, open_paths

if TYPE_CHECKING:
    from alignfreeze.tracking.owners import RunState

T = TypeVar("T")

HOUR = 3600

QUIET = HOUR
"""Seconds without a write after which nobody is at work on what has no lock."""

DAY = 24 * HOUR


class Verdict(NamedTuple):
    """Whether an entry may go, and why, or why not, as a clause.

    What is held stays, however old it is.
    """

    goes: bool
    why: str
    held: bool = False


def _held(why: str) -> Verdict:
    return Verdict(False, why, held=True)


def _dead() -> Verdict:
    return Verdict(True, "its process is dead")


def _is_running(run: "RunState") -> bool:
    return run.state == "RUNNING" and not (run.process and is_dead(run.process))


def _is_one_place(store: str) -> bool:
    """Whether a store's URI stands for the same store whenever and wherever it is asked.

    That of a server on this machine may be another's today, and a path that of another folder.
    """
    place = urlsplit(store)
    if place.netloc:
        return place.hostname not in _THIS_MACHINE
    path = place.path.removeprefix("/") if place.scheme.startswith("sqlite") else place.path
    return PurePath(path).is_absolute()


_THIS_MACHINE = (None, "localhost", "127.0.0.1", "::1", "0.0.0.0")


@dataclass
class Judge:
    """Says of each entry whether it may go.

    Args:
        root: The cache.
        unused: Seconds after which what was not used may go; ``None``: caches stay.
        now: Seconds since 1970.
    """

    root: Path
    unused: float | None
    now: float

    def verdict(self, entry: Entry) -> Verdict:
        """Whether an entry may go."""
        if entry.kind is Kind.OTHER:
            return _held("not known")
        if entry.kind is Kind.UNLOGGED:
            return _held("not logged yet")
        if is_locked(entry.path):
            return _held("a process is at work on it")
        own = entry.path.resolve()
        if any(path.is_relative_to(own) for path in self._open):
            return _held("a process has it open")
        found = self._by_kind(entry)
        age = self.now - entry.used
        if not found.goes and not found.held and self.unused is not None and age > self.unused:
            return Verdict(True, f"not used for {age_text(age)}")
        return found

    def _by_kind(self, entry: Entry) -> Verdict:
        if entry.kind is Kind.CHECKPOINTS:
            return self._checkpoint(entry)
        if entry.kind in (Kind.UNFINISHED, Kind.SHARDS, Kind.LOCKS):
            return self._unfinished(entry)
        if entry.kind in (Kind.MODELS, Kind.LOGS):
            return self._of_study(entry)
        return Verdict(False, "reused by whatever needs the same")

    def _unfinished(self, entry: Entry) -> Verdict:
        """What a process left when it was killed, or is writing now."""
        owner = owner_of(entry.path.parent)  # of a part of a checkpoint
        if owner is not None:
            return _dead() if is_dead(owner.process) else self._alive(entry)
        # Shards have no lock of their own, but their parts have.
        parts = entry.path.glob(".*") if entry.kind is Kind.SHARDS else ()
        if any(map(is_locked, parts)):
            return _held("a process is at work on it")
        if entry.kind is Kind.UNFINISHED and has_lock(entry.path):
            return _dead()
        if self.now - entry.written > QUIET:
            return Verdict(True, "nobody has written to it for an hour")
        return _held("written less than an hour ago")

    def _alive(self, entry: Entry) -> Verdict:
        """Of a process that may be alive, here or on another machine, which does not tell."""
        return Verdict(False, "its process may be alive", held=self.now - entry.written < DAY)

    def _checkpoint(self, entry: Entry) -> Verdict:
        """By what became of the run that it is called by, and of its process."""
        owner, phase = owner_of(entry.path), entry.path.parent.name
        if owner is not None and not is_dead(owner.process):
            return self._alive(entry)
        if owner is not None and owner.store != self._store:
            return Verdict(False, f"its run is in {owner.store}: MLFLOW_TRACKING_URI asks that")
        from alignfreeze.tracking import owners

        found = self._asked(lambda: (owners.state_of(entry.path.name), owners.is_finished(phase)))
        if found is None:
            return Verdict(False, self._no_store)
        run, elsewhere = found
        if _is_running(run):
            return _held("its run is going on")
        if run.state == owners.UNKNOWN:
            gone = owner is not None and _is_one_place(self._store)
            return Verdict(gone, "its run is gone" if gone else f"its run is not in {self._store}")
        if run.state == owners.FINISHED or elsewhere:
            return Verdict(True, "its phase is finished")
        if run.state == owners.DELETED:
            return Verdict(True, "its run was deleted")
        return Verdict(False, "resume=true goes on from it")

    def _of_study(self, entry: Entry) -> Verdict:
        """By what became of the run of the study that it is called by."""
        from alignfreeze.tracking import owners

        run_id = self._studies.get(entry.path.name.removesuffix("-logs"))
        run = None if run_id is None else self._asked(lambda: owners.state_of(run_id))
        if run is None:
            return Verdict(False, self._no_store or f"its study is not in {self._store}")
        if _is_running(run):
            return _held("its study is going on")
        if run.state in (owners.FINISHED, owners.DELETED):
            return Verdict(True, f"its study is {run.state.lower()}")
        return Verdict(False, "its study is not finished")

    def _asked(self, ask: Callable[[], T]) -> T | None:
        """What the tracking store says; ``None`` if it cannot be asked, and then no more is."""
        if self._no_store:
            return None
        try:
            return ask()
        except TrackingError as error:
            self._no_store = str(error)
            return None

    @cached_property
    def _open(self) -> set[Path]:
        return open_paths(self.root)

    @cached_property
    def _store(self) -> str:
        from alignfreeze.tracking.location import store_uri

        return without_passwords(store_uri())

    @cached_property
    def _no_store(self) -> str:
        """Why the tracking store cannot be asked; empty if it can."""
        from alignfreeze.tracking.location import has_store

        return "" if has_store() else f"there is no tracking store {self._store} to ask"

    @cached_property
    def _studies(self) -> dict[str, str]:
        """The runs of studies, by what their folders in the cache are called."""
        from alignfreeze.tracking.owners import study_runs

        runs = self._asked(study_runs) or []
        return {hash_of([name, run_id])[:16]: run_id for name, run_id in runs}


def age_text(seconds: float) -> str:
    """An age for a person: ``5 min``, ``3 h``, ``12 d``."""
    if seconds < HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.0f} h" if seconds < 2 * DAY else f"{seconds / DAY:.0f} d"
