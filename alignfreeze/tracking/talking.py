"""Talking with the tracking store: whatever goes wrong there is one line, and soon."""

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import mlflow
from mlflow.store.db import utils as databases
from mlflow.tracking import MlflowClient

from alignfreeze.base.signals import asked_to_end
from alignfreeze.credentials import without_passwords
from alignfreeze.errors import AlignFreezeError, TrackingError, one_line
from alignfreeze.tracking.creation import being_made

FIRST_SECONDS = 10
"""How long a store may take for its first answer, unless the user has said otherwise."""

_BRIEFLY: Mapping[str, str] = {
    # MLflow tries for minutes otherwise, and says nothing meanwhile.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
_AT_FIRST: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(FIRST_SECONDS),
    "PGCONNECT_TIMEOUT": str(FIRST_SECONDS // 2),  # of two attempts,
}


class StoreAwayError(TrackingError):
    """The tracking store does not answer, or not now: it may later."""


class _Fault(NamedTuple):
    """How something that MLflow raises is told.

    Attributes:
        sign: What is in its text, or that of what lies under it.
        reason: What that means; ``{0}`` is what the sign has found, or its first group.
        remedy: What to do; ``{uri}`` is the store's.
        lasting: False where it is the store's, not of what was asked: it may pass, or be mended.
    """

    sign: str
    reason: str
    remedy: str
    lasting: bool = True


_CREDENTIALS = (
    "for a server, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN "
    "must be right; for a database, what is in MLFLOW_TRACKING_URI"
)
_ADDRESS = "start it, or let MLFLOW_TRACKING_URI name another"
_WRITABLE = "let MLFLOW_TRACKING_URI name one that this user may write"

_FAULTS = (
    _Fault(
        r"No module named '?([\w.]+)",
        "its driver is not installed ({0})",
        "install it with pip: psycopg[binary], psycopg2-binary, mysqlclient, pymysql or pyodbc",
    ),
    _Fault(
        r"unsupported URI|Could not parse SQLAlchemy URL|Can't load plugin|Invalid url"
        r"|No host supplied|Invalid database scheme|Invalid database URI|Failed to parse: ",
        "it is no address that MLflow knows",
        "MLFLOW_TRACKING_URI must be sqlite:///FILE, postgresql://…, mysql://…, mssql://… or the "
        "http(s):// address of a server",
    ),
    _Fault(
        r"(?i)filesystem tracking backend|file ?store is deprecated",
        "it is a folder, which MLflow takes no more",
        "mlflow migrate-filestore puts its runs into a database, which MLFLOW_TRACKING_URI is to "
        "name; or set MLFLOW_ALLOW_FILE_STORE=true",
    ),
    _Fault(
        r"Can't locate revision identified by 'v\d",
        "it is a storage of Optuna's",
        "let MLFLOW_TRACKING_URI name another database than --storage does",
    ),
    _Fault(
        r"out-of-date database schema \((.*?)\)|Can't locate revision identified by (.*)",
        "its database is of another version of MLflow ({0})",
        "after a backup: mlflow db upgrade {uri}; if a newer MLflow has made it, update MLflow",
    ),
    _Fault(
        r"file is not a database|database disk image is malformed|unsupported file format",
        "its file is no SQLite database, or damaged",
        "let MLFLOW_TRACKING_URI name another file, or put a copy in its place",
        lasting=False,
    ),
    _Fault(
        r"database or disk is full|No space left on device|Disk quota exceeded",
        "the disk is full",
        "make room on it",
        lasting=False,
    ),
    _Fault(
        r"database is locked|database table is locked",
        "another program keeps its database locked",
        "end that program, or use a server",
        lasting=False,
    ),
    _Fault(r"readonly database|read-only", "it cannot be written", _WRITABLE, lasting=False),
    _Fault(
        r"unable to open database file",
        "its file cannot be opened or made",
        _WRITABLE,
        lasting=False,
    ),
    _Fault(
        r"Permission denied|Read-only file system", "it cannot be written ({0})", _WRITABLE, False
    ),
    _Fault(
        r"password authentication failed|no password supplied|role \S+ does not exist"
        r"|error code 40[13]\b|\b40[13] Client Error|UNAUTHENTICATED|CUSTOMER_UNAUTHORIZED"
        r"|PERMISSION_DENIED|Access ?Denied|Unable to locate cred|credential configuration failed",
        "it refuses the credentials",
        _CREDENTIALS,
        lasting=False,
    ),
    _Fault(
        r"(?i)(?:failed with error code |too many )((?:5\d\d|429)\b)|\b(5\d\d) Server Error"
        r"|\b(429) Client Error|\b(SlowDown|ServiceUnavailable)\b",
        "it answers with error {0}",
        "look into the server's log",
        lasting=False,
    ),
    _Fault(
        r"valid JSON|JSONDecodeError|ParseError|<html|<!DOCTYPE|with error code 404",
        "what answers is no MLflow server",
        "MLFLOW_TRACKING_URI must be the address of one, with no login page before it",
        lasting=False,
    ),
    _Fault(
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "its certificate or protocol is not trusted",
        "see MLFLOW_TRACKING_SERVER_CERT_PATH, or http:// for https://",
    ),
    _Fault(
        r"(?i)name or service not known|failed to resolve|could not translate host name"
        r"|name resolution",
        "there is no host of that name",
        "let MLFLOW_TRACKING_URI name another",
        lasting=False,
    ),
    _Fault(
        r"(?i)timed? ?out|timeout expired", "it does not answer in time", _ADDRESS, lasting=False
    ),
    _Fault(r"(?i)connection refused", "nothing listens there", _ADDRESS, lasting=False),
    _Fault(
        r"RemoteDisconnected|Connection reset|Connection aborted|IncompleteRead|ConnectionError"
        r"|server closed the connection|connection (?:failed|is closed)|ProtocolError"
        r"|Network is unreachable|No route to host|BadStatusLine|ChunkedEncodingError|SSL SYSCALL"
        r"|terminating connection",
        "the connection broke off",
        _ADDRESS,
        lasting=False,
    ),
    _Fault(r"TEMPORARILY_UNAVAILABLE", "{full}", "look into its log", lasting=False),
    _Fault(r"redirect", "it answers with a redirect", "let MLFLOW_TRACKING_URI name its target"),
    _Fault(
        r"(?i)No Experiment with id=(\S+) exists|Could not find experiment with ID '?(\w+)",
        "there is no experiment {0}",
        "MLFLOW_EXPERIMENT_ID must be one of mlflow experiments search, or unset",
    ),
    _Fault(
        r"(?i)Run with id=(\S+) not found|Run '(\w+)' not found",
        "there is no run {0}",
        "MLFLOW_RUN_ID must be a run of this store, or unset; MLFLOW_TRACKING_URI must name the "
        "store that it is in",
    ),
    _Fault(
        r"(?i)(experiment \S+) must be in the 'active' state|already exists in deleted state"
        r"|(experiment .{1,80}?) (?:exists but )?is (?:in the )?deleted"
        r"|Cannot set a deleted (experiment)",
        "the experiment was deleted",
        "mlflow experiments restore --experiment-id ID brings it back; or give another in "
        "MLFLOW_EXPERIMENT_NAME",
    ),
    _Fault(
        r"(?i)run (\S+) must be in the 'active' state"
        r"|run with ID (\S+) because it is in the deleted state",
        "run {0} was deleted",
        "mlflow runs restore --run-id ID brings it back; or unset MLFLOW_RUN_ID",
    ),
)


def hush() -> None:
    """Keep what MLflow says of its own accord from filling the terminal: it is told in one line."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name, level in (
        ("alembic", logging.WARNING),
        ("mlflow.store.db.utils", logging.CRITICAL),
        ("mlflow.system_metrics", logging.WARNING),
        ("urllib3.connectionpool", logging.ERROR),
    ):
        logging.getLogger(name).setLevel(level)


def store_name() -> str:
    """The tracking store as messages name it."""
    return without_passwords(str(mlflow.get_tracking_uri()))


def store_identity() -> str:
    """The tracking store as it is known again, from whatever working folder."""
    sqlite, name = "sqlite:///", store_name()
    if not name.startswith(sqlite):
        return name
    return sqlite + str(Path(name.removeprefix(sqlite)).absolute())


def translated(error: Exception, asked: str, around: BaseException | None = None) -> TrackingError:
    """One line of what MLflow, or anything under it, has raised.

    Args:
        error: What was raised.
        asked: What was asked of the store: "list runs".
        around: What was being handled already, such as what has ended a run: no part of it.
    """
    full = one_line(error, 600)
    chain = f"{getattr(error, 'error_code', '')} {_chain(error, around)}"
    lasting, reason, remedy = True, full, ""
    for fault in _FAULTS:
        if found := re.search(fault.sign, chain):
            value = next((text for text in found.groups() if text), found[0])
            reason = fault.reason.replace("{0}", value).replace("{full}", full)
            remedy = "; " + fault.remedy.replace("{uri}", store_name())
            lasting = fault.lasting
            break
    kind = TrackingError if lasting else StoreAwayError
    return kind(f"tracking store {store_name()} cannot {asked}: {reason}{remedy}")


def _chain(error: BaseException | None, around: BaseException | None = None) -> str:
    """The texts of an error and of all that has led to it, up to what was there before."""
    texts: list[str] = []
    while error is not None and error is not around and len(texts) < 10:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@contextmanager
def asking(asked: str) -> Iterator[None]:
    """Ask something of the store, by calls of MLflow alone.

    Args:
        asked: What, for the error: "list runs".

    Raises:
        StoreAwayError: If the store does not answer, or not now.
        TrackingError: If it refuses, or cannot be understood.
    """
    around = sys.exception()
    try:
        _contact()
        with _environment({**_BRIEFLY, **_AT_FIRST} if asked_to_end() else _BRIEFLY):
            yield
    except AlignFreezeError:
        raise
    except Exception as error:
        raise translated(error, asked, around) from error


_met: set[str] = set()


def _contact() -> None:
    """Ask a store for the first time, and wait for no more than some seconds."""
    uri = str(mlflow.get_tracking_uri())
    if uri in _met:
        return
    hush()
    patient, databases.MAX_RETRY_COUNT = databases.MAX_RETRY_COUNT, 2
    try:
        with _environment({**_BRIEFLY, **_AT_FIRST}), being_made():
            MlflowClient().search_experiments(max_results=1)
    except AlignFreezeError:
        raise
    except Exception as error:
        found = translated(error, "be used")
        raise TrackingError(str(found)) from error  # nobody waits for what never was there
    finally:
        databases.MAX_RETRY_COUNT = patient
    _met.add(uri)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables that the user has not."""
    added = {name: text for name, text in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
