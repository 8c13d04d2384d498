"""A tracking server of MLflow itself, which goes away in the middle, and may come back."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from urllib.request import urlopen

from tools.faults import running
from tools.faults.running import Place

STARTS = 60.0
"""Seconds that the server may take to start."""

AWAY = 4.0
"""Seconds that one that comes back is away."""


class Road:
    """Hands on what comes to a port, while it is open; once struck, it is closed."""

    def __init__(self, target: int, place: Place, *, back: bool) -> None:
        self._target, self._marker, self._back = target, place.folder / "struck", back
        self._lives: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.mended = False
        threading.Thread(target=self._serve, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def closed(self) -> bool:
        """Whether the server is away now."""
        if self.mended or not self._marker.exists():
            return False
        return not (self._back and time.time() - self._marker.stat().st_mtime > AWAY)

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if self.closed:
                    caller.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._lives += [caller, server]
                for source, sink in ((caller, server), (server, caller)):
                    threading.Thread(target=_hand_on, args=(source, sink), daemon=True).start()

    def _watch(self) -> None:
        while not self.closed:
            time.sleep(0.02)
        for life in self._lives:
            with contextlib.suppress(OSError):
                life.shutdown(socket.SHUT_RDWR)


def _hand_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


_roads: dict[str, Road] = {}


def server(*, back: bool) -> Callable[[Place], None]:
    """The store is a server, which goes away when the fault strikes."""

    def do(place: Place) -> None:
        port = running.free_port()
        variables = place.variables()
        del variables["ALIGNFREEZE_CACHE"]  # by which a case's own processes are ended
        started = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{place.store}"),
                *("--artifacts-destination", str(place.folder / "mlruns")),
            ],
            cwd=place.folder,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        place.closing.append(lambda: os.killpg(started.pid, signal.SIGKILL))
        _wait_for(f"http://127.0.0.1:{port}/health")
        road = _roads[str(place.folder)] = Road(port, place, back=back)
        place.closing.append(road.close)
        place.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{road.port}"

    return do


def _wait_for(address: str) -> None:
    end = time.monotonic() + STARTS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urlopen(address, timeout=5):
            return
        time.sleep(0.3)
    raise TimeoutError(f"{address} does not answer")


def synced(place: Place) -> None:
    """The server is there again, and what was kept meanwhile is logged."""
    _roads.pop(str(place.folder)).mended = True
    (journal,) = (place.cache / "unlogged").iterdir()
    ended = running.run(place, ["sync", str(journal)])
    if ended.code != 0:
        raise RuntimeError(f"sync: exit {ended.code} {ended.output[-500:]}")
