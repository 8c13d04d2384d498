"""Load and memory of the machine while a run is open, as MLflow measures them."""

import logging
import os
import time
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from mlflow.system_metrics import system_metrics_monitor

from alignfreeze.errors import one_line

logger = logging.getLogger(__name__)

Monitor: Any = system_metrics_monitor.SystemMetricsMonitor  # its methods carry no types

VARIABLE = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"

PREFIX = "system/"
"""What MLflow's page of system metrics shows."""

FIRST_SECONDS = 1.0
"""Until the first measurement at most; from there on MLflow's interval, of 10 seconds."""

Point = tuple[str, float, int, int]
"""A metric's name and value, milliseconds since 1970, and step."""


class SystemMetrics:
    """A thread that measures; what it measured is fetched, so that it never asks the store.

    MLflow's own thread writes by itself: it would wait for a store that went away, and lose what
    it could not write.
    """

    def __init__(self, run_id: str) -> None:
        self._points: SimpleQueue[Point] = SimpleQueue()
        self._ended = Event()
        self._thread = Thread(
            target=self._measure, args=[run_id], name="system metrics", daemon=True
        )
        self._thread.start()

    def fetched(self) -> list[Point]:
        """What was measured since this was last asked."""
        return [self._points.get() for _ in range(self._points.qsize())]

    def end(self) -> None:
        """Measure no more."""
        self._ended.set()
        self._thread.join()

    def _measure(self, run_id: str) -> None:
        try:
            mlflows = Monitor(run_id)
            prefix = f"{PREFIX}{mlflows.node_id}/" if mlflows.node_id else PREFIX
            step, pause = 0, float(mlflows.sampling_interval)
            while not self._ended.wait(pause if step else min(pause, FIRST_SECONDS)):
                now = int(time.time() * 1000)
                mlflows.collect_metrics()
                for name, value in mlflows.aggregate_metrics().items():
                    self._points.put((prefix + name, float(value), now, step))
                for monitor in mlflows.monitors:
                    monitor.clear_metrics()
                step += 1
        except Exception as error:  # noqa: BLE001  a run is not worth less without it
            logger.warning("system metrics are not measured any more: %s", one_line(error))


def asked_for(option: bool) -> bool:
    """Whether they are wanted: by the option, or by MLflow's own variable."""
    return option or os.environ.get(VARIABLE, "").lower() in ("true", "1")
