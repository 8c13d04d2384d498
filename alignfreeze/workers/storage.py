"""Optuna's storage, opened so that several processes can share it, and what studies remember."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy import Connection, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from alignfreeze.base.caching import locked
from alignfreeze.base.databases import VERSION_TABLE, sqlite_file, tables_made_once
from alignfreeze.credentials import hide
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.tracking import location
from alignfreeze.workers.settings import WorkersConfig
from alignfreeze.workers.storage_urls import check_url, without_password

FINISHED = "finished"  # what a study remembers once its coordinator says that nothing is left to do
MISSED_HEARTBEATS = 3  # that a worker may miss in a row

WHEN_STALE = Callable[[optuna.Study, FrozenTrial], None]

OPTUNAS_TABLE = "version_info"
_OWN = "storage must name a database of its own"  # as Optuna's tables and MLflow's share a name

_SQLITE_OPTIONS = {"connect_args": {"timeout": 60}}  # writers wait for each other
_SERVER_OPTIONS = {"pool_pre_ping": True}  # a worker that was cut off connects anew


@contextmanager
def open_storage(
    url: str, heartbeat: int, when_stale: WHEN_STALE | None = None
) -> Iterator[RDBStorage]:
    """Connect to Optuna's storage, for as long as the context lasts; make its tables if need be.

    Args:
        url: A database URL as SQLAlchemy takes it.
        heartbeat: Seconds between two signs of life of a trial's worker.
        when_stale: Called with a trial whose worker has given none for too long.

    Raises:
        ConfigError: If it is no such URL, or there is no such database, or it is another program's.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # this package tells of trials itself
    hide(url)
    told = f"storage {without_password(url)}"
    if location.store_is_in(url):
        raise ConfigError(f"{told}: the tracking store is in it; {_OWN}")
    try:
        file = sqlite_file(url)
        options = _SQLITE_OPTIONS if file else _SERVER_OPTIONS
        # Two processes that make the tables at once get in each other's way.
        with (
            locked(file) if file else nullcontext(),
            tables_made_once(url, **options) as tables,
            warnings.catch_warnings(action="ignore", category=ExperimentalWarning),
        ):
            if VERSION_TABLE in tables and OPTUNAS_TABLE not in tables:
                raise ConfigError(f"{told}: another program's tables are in it; {_OWN}")
            storage = RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=heartbeat,
                grace_period=MISSED_HEARTBEATS * heartbeat,
                heartbeat_stale_trial_callback=when_stale,
            )
            if file:
                _lock_before_reading(storage)
    except OSError as error:
        raise ConfigError(f"{told}: {error.strerror}") from None
    except (SQLAlchemyError, StorageInternalError, ImportError, RuntimeError) as error:
        # The last is Optuna's where another version of it has made the tables.
        raise ConfigError(f"{told}: {error.__cause__ or error}") from None
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _lock_before_reading(storage: RDBStorage) -> None:
    """Make SQLite's transactions exclusive from their first statement on.

    By default it locks when something is written, and two workers that have both read that a
    trial is waiting both take it.
    """

    def connected(connection: DBAPIConnection, record: object) -> None:
        connection.isolation_level = None

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    storage.engine.dispose()
    event.listen(storage.engine, "connect", connected)
    event.listen(storage.engine, "begin", begun)


def begun_study(name: str, url: str, mark: str) -> dict[str, Any]:
    """What a study remembers that another process has begun; of all of its kind a mark.

    Raises:
        ConfigError: If the storage cannot be opened, or has no such study.
    """
    check_url(url, begun=True)
    with open_storage(url, WorkersConfig().heartbeat) as storage:
        attributes = study_attributes(storage, name)
        if mark not in attributes:
            names = optuna.get_all_study_names(storage)
            known = ", ".join(n for n in sorted(names) if mark in study_attributes(storage, n))
            raise ConfigError(
                f"study {shown(name)} is not in the storage; studies that are: {known or 'none'}"
            )
    return attributes


def study_attributes(storage: RDBStorage, name: str) -> dict[str, Any]:
    """What a study remembers; nothing if there is no such study."""
    if name not in optuna.get_all_study_names(storage):
        return {}
    return optuna.load_study(study_name=name, storage=storage).user_attrs


@contextmanager
def sole_coordinator(
    storage: RDBStorage, study: str, *, what: str, subcommand: str
) -> Iterator[None]:
    """Keep others from coordinating a study; what holds them off ends with this process.

    On SQLite it is a lock on a file beside it, on PostgreSQL one of the server's own; on other
    databases there is none.

    Raises:
        ConfigError: If another process coordinates it.
    """
    file = sqlite_file(storage.engine.url)
    lock: AbstractContextManager[None] = nullcontext()
    if file is not None:
        lock = locked(file.with_name(f"{file.name}.{study}"), wait=0)
    elif storage.engine.dialect.name == "postgresql":
        lock = _server_lock(storage, f"alignfreeze {study}")
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except BlockingIOError:  # of the lock, not of what is done under it
            raise ConfigError(
                f"study {shown(study)} is being {what} by another process; add to it with "
                f"alignfreeze {subcommand} --study {study}"
            ) from None
        yield


@contextmanager
def _server_lock(storage: RDBStorage, name: str) -> Iterator[None]:
    """Hold a lock of PostgreSQL's, or raise BlockingIOError."""
    with storage.engine.connect() as connection:
        statement = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        if not connection.execute(statement, {"name": name}).scalar():
            raise BlockingIOError
        connection.commit()  # the lock is the session's, and stays
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock_all()"))
            connection.commit()
