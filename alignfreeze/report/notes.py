"""What the reader of a report has to know of a metric."""

from alignfreeze.contracts.registry import TASK, load_plugin
from alignfreeze.errors import PluginError
from alignfreeze.evaluation import taskdata
from alignfreeze.tracking.reference import METRIC_NOTES


def metric_note(task: str, metric: str, *, imported: bool) -> str:
    """What the task says of its metric, as it is installed here; empty if nothing.

    Args:
        task: The task's name; of one that is not installed, nothing is known.
        metric: The metric's name.
        imported: Whether the scores are of the reference implementation, whose metrics of the
            same name may be others.
    """
    if imported:
        note = METRIC_NOTES.get((task, metric))
        return f"imported {task} {metric}: {note}." if note else ""
    try:
        return taskdata.metric_note(task, load_plugin(TASK, task), metric)
    except PluginError:
        return ""
