"""Scores as tables for the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from alignfreeze.contracts import Split
from alignfreeze.evaluate import target_means
from alignfreeze.preparation import BASELINE
from alignfreeze.results import TaskResult

MEAN = "mean of targets"


def result_tables(results: Sequence[TaskResult], source_language: str) -> list[Table]:
    """A table a task: languages down, strategies across, in percent of the test split.

    Where the baseline is among the results, each other strategy has its difference to it in
    points beside it.
    """
    tasks = dict.fromkeys(result.task for result in results)
    return [_table([r for r in results if r.task == task], source_language) for task in tasks]


def _table(results: Sequence[TaskResult], source_language: str) -> Table:
    columns = {result.strategy: _test_values(result, source_language) for result in results}
    baseline = columns.get(BASELINE)
    table = Table(title=f"{results[0].task}: {results[0].metric} on test, %", title_justify="left")
    table.add_column("language")
    for strategy in columns:
        table.add_column(strategy, justify="right")
        if baseline is not None and strategy != BASELINE:
            table.add_column("difference", justify="right")
    languages = list(next(iter(columns.values())))
    for language in languages:
        cells: list[str | Text] = [_label(language, source_language)]
        for strategy, values in columns.items():
            cells.append(f"{100 * values[language]:.1f}")
            if baseline is not None and strategy != BASELINE:
                cells.append(_difference(values[language] - baseline[language]))
        table.add_row(*cells, end_section=language == languages[-2])
    return table


def _test_values(result: TaskResult, source_language: str) -> dict[str, float]:
    """The primary metric by language, the source language first, the mean over targets last."""
    split: Split = "test"
    values = {
        score.language: score.value
        for score in result.scores
        if (score.split, score.metric) == (split, result.metric)
    }
    mean = target_means(result.scores, source_language)[split, result.metric]
    return {source_language: values.pop(source_language), **values, MEAN: mean}


def _label(language: str, source_language: str) -> str:
    return f"{language} (source)" if language == source_language else language


def _difference(value: float) -> Text:
    points = round(100 * value, 1) + 0.0  # + 0.0 turns -0.0 into 0.0
    style = "green" if points > 0 else "red" if points < 0 else ""
    return Text(f"{points:+.1f}", style=style)
