"""AlignFreeze: realign multilingual encoders, freezing part of them, and measure the transfer.

On objects in memory: `realign`, `frozen`, `align`, `probe`, `contrastive_alignment_loss`. Whole
runs, which MLflow tracks: `run`, `run_realign`, `run_evaluate`, `run_search`, `run_benchmark`,
`make_report`. All errors that are the user's to mend are an `AlignFreezeError` of one line.

Example:
    >>> import alignfreeze
    >>> demo = alignfreeze.load_demo(["de"], pairs=32)
    >>> alignfreeze.realign(
    ...     demo.encoder, demo.tokenizer, demo.pairs, strategy="front",
    ...     dictionaries=demo.dictionaries, realign_max_length=64,
    ... )
    <RealignmentResult: strategy front, ...>
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alignfreeze.api.chosen_strategy import frozen
    from alignfreeze.api.demo import load_demo
    from alignfreeze.api.layer_scores import probe
    from alignfreeze.api.realigning import RealignmentResult, realign
    from alignfreeze.api.sentences import LinkedPair
    from alignfreeze.api.whole_runs import run, run_evaluate, run_realign
    from alignfreeze.api.whole_runs import run_evaluate as evaluate
    from alignfreeze.api.word_links import align
    from alignfreeze.benchmark.coordinator import benchmark as run_benchmark
    from alignfreeze.config import RunConfig, build_config
    from alignfreeze.contracts.contrastive import contrastive_alignment_loss
    from alignfreeze.errors import AlignFreezeError
    from alignfreeze.report.report import report as make_report
    from alignfreeze.runs.pipeline import Outcome
    from alignfreeze.search.coordinator import search as run_search

    __version__: str

__all__ = [
    "AlignFreezeError",
    "LinkedPair",
    "Outcome",
    "RealignmentResult",
    "RunConfig",
    "__version__",
    "align",
    "build_config",
    "contrastive_alignment_loss",
    "evaluate",
    "frozen",
    "load_demo",
    "make_report",
    "probe",
    "realign",
    "run",
    "run_benchmark",
    "run_evaluate",
    "run_realign",
    "run_search",
]

# Those of the core and of the built-in plugins.
PACKAGES = (
    "alignfreeze",
    "alignfreeze_strategies",
    "alignfreeze_tasks",
    "alignfreeze_aligners",
    "alignfreeze_objectives",
)

_PLACES = {
    "AlignFreezeError": "errors:AlignFreezeError",
    "LinkedPair": "api.sentences:LinkedPair",
    "Outcome": "runs.pipeline:Outcome",
    "RealignmentResult": "api.realigning:RealignmentResult",
    "RunConfig": "config:RunConfig",
    "align": "api.word_links:align",
    "build_config": "config:build_config",
    "contrastive_alignment_loss": "contracts.contrastive:contrastive_alignment_loss",
    "evaluate": "api.whole_runs:run_evaluate",
    "frozen": "api.chosen_strategy:frozen",
    "load_demo": "api.demo:load_demo",
    "make_report": "report.report:report",
    "probe": "api.layer_scores:probe",
    "realign": "api.realigning:realign",
    "run": "api.whole_runs:run",
    "run_benchmark": "benchmark.coordinator:benchmark",
    "run_evaluate": "api.whole_runs:run_evaluate",
    "run_realign": "api.whole_runs:run_realign",
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
