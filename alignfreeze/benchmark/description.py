"""What came of a grid, in Markdown: what MLflow shows as the description of its run."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from rich.table import Table

from alignfreeze.base.markdown_tables import markdown_of
from alignfreeze.base.tables import MISSING, with_deviation
from alignfreeze.benchmark.cells import Cell
from alignfreeze.config import model_name
from alignfreeze.tracking.names import METRIC, TARGET_MEAN, ScoreName
from alignfreeze.tracking.store import StoredRun


def description(
    cells: Sequence[Cell], counts: Mapping[str, int], runs: Mapping[str, StoredRun]
) -> str:
    """How many cells have each state, and the mean over the targets of what is done.

    Args:
        cells: All cells of the grid.
        counts: How many there are, by state.
        runs: The finished runs of cells, by identity.
    """
    states = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    return f"{len(cells)} cells: {states}\n\n{markdown_of(_table(cells, runs))}"


def _table(cells: Sequence[Cell], runs: Mapping[str, StoredRun]) -> Table:
    """Models and tasks down, variants across; mean and deviation over seeds, in percent."""
    variants = dict.fromkeys(cell.variant for cell in cells)
    table = Table("model", "task", title="mean of targets on test, %, over seeds")
    for variant in variants:
        table.add_column(variant, justify="right")
    for model, task in dict.fromkeys((cell.config.model, cell.task) for cell in cells):
        own = [cell for cell in cells if (cell.config.model, cell.task) == (model, task)]
        done = [(cell.variant, runs[cell.identity]) for cell in own if cell.identity in runs]
        metrics = dict.fromkeys(run.tags[METRIC] for _, run in done if METRIC in run.tags)
        label = f"{task} {' '.join(metrics)}".strip()
        texts = [_text([run for name, run in done if name == of]) for of in variants]
        table.add_row(model_name(model), label, *texts)
    return table


def _text(runs: Sequence[StoredRun]) -> str:
    """The mean of some cells, which differ in their seeds."""
    values = [value for run in runs if (value := target_mean(run)) is not None]
    return (
        with_deviation(mean(values), stdev(values) if len(values) > 1 else None)
        if values
        else MISSING
    )


def target_mean(run: StoredRun) -> float | None:
    """The mean of a cell's test scores over the target languages, in [0, 1], if it has any."""
    return run.metrics.get(str(ScoreName("test", TARGET_MEAN, run.tags.get(METRIC, ""))))
