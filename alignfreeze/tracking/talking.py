"""Talking with the tracking store: whatever goes wrong there is one line, and soon."""

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.store.db import utils as databases
from mlflow.tracking import MlflowClient

from alignfreeze.base.signals import asked_to_end
from alignfreeze.credentials import without_passwords
from alignfreeze.errors import AlignFreezeError, TrackingError, one_line
from alignfreeze.tracking.creation import being_made
from alignfreeze.tracking.store_faults import FAULTS

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
    for fault in FAULTS:
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
