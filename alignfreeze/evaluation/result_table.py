"""Scores as tables for the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from alignfreeze.config import BASELINE
from alignfreeze.evaluation.scores import TaskResult, target_means

MEAN = "mean of targets"


def result_table(results: Sequence[TaskResult], source_language: str) -> Table:
    """One table of the test split, in percent.

    Of one task: languages down, strategies across. Of several: tasks across, and languages down
    for one strategy after the other. Where the baseline is among the results, the other
    strategies have their difference to it in points beside them.
    """
    one_task = len({result.task for result in results}) == 1
    return (_strategies_table if one_task else _tasks_table)(results, source_language)


def _tasks_table(results: Sequence[TaskResult], source_language: str) -> Table:
    tasks = {result.task: result.metric for result in results}
    values = {(r.strategy, r.task): _test_values(r, source_language) for r in results}
    table = Table(title="test, %", title_justify="left")
    table.add_column("strategy, language", no_wrap=True)
    for task, metric in tasks.items():
        table.add_column(f"{task}\n{metric}", justify="right")
    for strategy in dict.fromkeys(result.strategy for result in results):
        own = [values.get((strategy, task), {}) for task in tasks]
        others = sorted({code for scores in own for code in scores} - {source_language, MEAN})
        compared = [{} if strategy == BASELINE else values.get((BASELINE, t), {}) for t in tasks]
        table.add_row(Text(strategy, style="bold"))
        for language in (source_language, *others, MEAN):
            pairs = zip(own, compared, strict=True)
            cells = [_cell(scores.get(language), base.get(language)) for scores, base in pairs]
            table.add_row(_label(language, source_language), *cells, end_section=language == MEAN)
    return table


def _cell(value: float | None, baseline: float | None = None) -> Text:
    """A score, and its difference to the baseline's where there is one."""
    if value is None:
        return Text("–")
    score = Text(f"{100 * value:.1f}")
    return score if baseline is None else score.append(" ").append(_difference(value - baseline))


def _strategies_table(results: Sequence[TaskResult], source_language: str) -> Table:
    columns = {result.strategy: _test_values(result, source_language) for result in results}
    baseline = columns.get(BASELINE)
    table = Table(title=f"{results[0].task}: {results[0].metric} on test, %", title_justify="left")
    table.add_column("language", no_wrap=True)
    for strategy in columns:
        table.add_column(strategy, justify="right")
        if baseline is not None and strategy != BASELINE:
            table.add_column("diff.", justify="right")
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
    scores = [s for s in result.scores if (s.split, s.metric) == ("test", result.metric)]
    values = {score.language: score.value for score in scores}
    mean = target_means(scores, source_language)["test", result.metric]
    return {source_language: values.pop(source_language), **values, MEAN: mean}


def _label(language: str, source_language: str) -> str:
    return f"{language} (source)" if language == source_language else language


def _difference(value: float) -> Text:
    points = round(100 * value, 1) + 0.0  # + 0.0 turns -0.0 into 0.0
    style = "green" if points > 0 else "red" if points < 0 else ""
    return Text(f"{points:+.1f}", style=style)
