"""What is done to files, stores and servers; each is a function of a `running.Place`."""

import contextlib
import re
import socket
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tools.faults.running import Place

Prepare = Callable[[Place], None]


def _files(folder: Path, name: str) -> list[Path]:
    found = [path for path in folder.rglob("*") if str(path).endswith(f"/{name}")]
    assert found, f"there is no {name} in {folder}"
    return found


def _changed(name: str, change: Callable[[Path], object], below: str = "mlruns") -> Prepare:
    def do(place: Place) -> None:
        for path in _files(place.folder / below, name):
            change(path)

    return do


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut(name: str) -> Prepare:
    """Artifacts of a name lose their second half."""
    return _changed(name, _halve)


def emptied(name: str) -> Prepare:
    """Artifacts of a name are empty."""
    return _changed(name, lambda path: path.write_bytes(b""))


def removed(name: str) -> Prepare:
    """Artifacts of a name are gone."""
    return _changed(name, lambda path: path.unlink())


def with_nan(name: str) -> Prepare:
    """The last value of tables of a name is no number."""
    return _changed(name, lambda p: p.write_text(re.sub(r"[^,]+\n$", "nan\n", p.read_text())))


def cut_kept(kind: str, name: str) -> Prepare:
    """Files of a name in the cache lose their second half."""
    return _changed(name, _halve, f"cache/{kind}")


def variable(name: str, value: str) -> Prepare:
    """An environment variable of MLflow's has a value."""
    return lambda place: place.environment.update({name: value})


def experiment_deleted(place: Place) -> None:
    """The experiment that the runs are in was deleted."""
    with contextlib.closing(sqlite3.connect(place.store)) as store, store:
        store.execute("UPDATE experiments SET lifecycle_stage = 'deleted'")
        (number,) = store.execute("SELECT max(experiment_id) FROM experiments").fetchone()
    place.environment["MLFLOW_EXPERIMENT_ID"] = str(number)


def schema_of_other(place: Place) -> None:
    """Another version of MLflow has made the store."""
    with contextlib.closing(sqlite3.connect(place.store)) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '867495a8f9d4'")


def store(uri: str) -> Prepare:
    """Another store is named, in which there are a file of text, and a folder store."""

    def do(place: Place) -> None:
        (place.folder / "text.txt").write_text("this is no database\n" * 100)
        (place.folder / "mlruns-of-old" / "0").mkdir(parents=True)
        place.environment["MLFLOW_TRACKING_URI"] = uri.format(folder=place.folder)

    return do


class _Answer(BaseHTTPRequestHandler):
    """Answers whatever it is asked in one way."""

    def __init__(self, kind: str, *args: Any) -> None:
        self.kind = kind
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer."""
        if self.kind == "close":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        code = {"html": 200}.get(self.kind) or int(self.kind)
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><body><h1>Welcome</h1></body></html>")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def server(kind: str) -> Prepare:
    """The store is a server that answers with a status, with HTML, or not at all."""

    def do(place: Place) -> None:
        web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answer, kind))
        place.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{web.server_port}"
        if kind == "gone":
            web.server_close()
            return
        threading.Thread(target=web.serve_forever, daemon=True).start()
        place.closing.append(web.shutdown)
        place.closing.append(web.server_close)

    return do
