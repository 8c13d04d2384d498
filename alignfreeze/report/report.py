"""A report from its options; what is wrong with them is said before anything slow is loaded."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from alignfreeze.report.settings import build_report

if TYPE_CHECKING:
    from alignfreeze.report.writing import ReportOutcome


def report(options: Mapping[str, Any]) -> "ReportOutcome":
    """Read runs, and write tables and figures of them.

    Args:
        options: Values by name, as ``alignfreeze report --help`` lists them.

    Returns:
        The ``folder`` of the files, and how many lines tell what is ``missing``, by heading.

    Raises:
        AlignFreezeError: If an option is at fault, no run has results, or the folder cannot be
            written.

    Example:
        >>> import alignfreeze
        >>> few = {"languages": ["de"], "realign_steps": 2, "finetune_steps": 2}
        >>> outcome = alignfreeze.run({**few, "compare": ["baseline"]})
        >>> report({"output": "report"}).folder.joinpath("report.html").exists()
        True
    """
    # Reading leaves nothing in the store, unless `mlflow run` has opened a run for it: that is to
    # hold what is wrong.
    opened = "MLFLOW_RUN_ID" in os.environ
    if not opened:
        build_report(options)
    from alignfreeze.report.writing import make_report
    from alignfreeze.tracking.names import Kind
    from alignfreeze.tracking.runs import tracked_run

    with tracked_run("report", Kind.REPORT) if opened else nullcontext() as run:
        outcome = make_report(build_report(options))
        if run is not None:
            run.artifacts(outcome.folder, "report")
    return outcome
