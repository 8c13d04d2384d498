"""AlignFreeze: realign multilingual encoders, freezing part of them, and measure the transfer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alignfreeze.benchmark.coordinator import benchmark as run_benchmark
    from alignfreeze.config import RunConfig, build_config
    from alignfreeze.report.report import report as make_report
    from alignfreeze.runs.pipeline import evaluate_only as evaluate
    from alignfreeze.runs.pipeline import realign_only as realign
    from alignfreeze.runs.pipeline import run
    from alignfreeze.search.coordinator import search as run_search

    __version__: str

__all__ = [
    "PACKAGES",
    "RunConfig",
    "__version__",
    "build_config",
    "evaluate",
    "make_report",
    "realign",
    "run",
    "run_benchmark",
    "run_search",
]

PACKAGES = ("alignfreeze", "alignfreeze_strategies", "alignfreeze_tasks", "alignfreeze_aligners")
"""Those of the core and of the built-in plugins."""

_PLACES = {
    "RunConfig": "config:RunConfig",
    "build_config": "config:build_config",
    "evaluate": "runs.pipeline:evaluate_only",
    "make_report": "report.report:report",
    "realign": "runs.pipeline:realign_only",
    "run": "runs.pipeline:run",
    "run_benchmark": "benchmark.coordinator:benchmark",
    "run_search": "search.coordinator:search",
}
"""Where the names above are: looked up when they are asked for, since torch takes seconds. They are
called otherwise than subpackages, which would take their place."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("alignfreeze.base.commits").own_version()
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
