"""What the tests say: selected configurations, references and baseline side by side."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, stdev
from typing import NamedTuple

from rich.table import Table

from alignfreeze.base.tables import MISSING, with_deviation
from alignfreeze.evaluation.result_table import MEAN
from alignfreeze.evaluation.scores import Score, rows_to_csv
from alignfreeze.search.finalists import Tested, seeds_left_out
from alignfreeze.tracking.names import TARGET_MEAN, ScoreName, contender_metric, deviation_metric
from alignfreeze.tracking.runs import TrackedRun


class TestedScore(NamedTuple):
    """A score of the test split over seeds; the deviation (``n - 1``) is None for one seed."""

    contender: str
    task: str
    language: str
    metric: str
    mean: float
    deviation: float | None
    seeds: int


def tested_scores(tested: Sequence[Tested], source_language: str) -> list[TestedScore]:
    """Every score of the test split, and the means over the target languages.

    The deviation of a mean over languages is that of each seed's own mean.
    """
    found = []
    for contender in tested:
        values: dict[tuple[str, str, str], list[float]] = {}
        for result in contender.results:
            own = [score for score in result.scores if score.split == "test"]
            for language, metric, value in _with_means(own, source_language):
                values.setdefault((result.task, language, metric), []).append(value)
        for key, seeds in values.items():
            deviation = stdev(seeds) if len(seeds) > 1 else None
            found.append(TestedScore(contender.name, *key, mean(seeds), deviation, len(seeds)))
    return found


def _with_means(scores: Sequence[Score], source_language: str) -> Iterator[tuple[str, str, float]]:
    """Language, metric and value of the scores of one seed, then of the means over targets."""
    targets: dict[str, list[float]] = {}
    for score in scores:
        yield score.language, score.metric, score.value
        if score.language != source_language:
            targets.setdefault(score.metric, []).append(score.value)
    for metric, values in targets.items():
        yield TARGET_MEAN, metric, mean(values)


def tests_to_csv(scores: Sequence[TestedScore]) -> str:
    """A row a score, with the names of `TestedScore` as columns."""
    return rows_to_csv(scores, TestedScore._fields)


def log_tests(run: TrackedRun, scores: Sequence[TestedScore]) -> None:
    """Log ``test/<contender>/<task>/<language>/<metric>``, and ``…_std`` of several seeds."""
    for score in scores:
        test = ScoreName("test", score.language, score.metric)
        name = contender_metric(score.contender, score.task, test)
        run.metric(name, score.mean)
        if score.deviation is not None:
            run.metric(deviation_metric(name), score.deviation)


def comparisons(
    tested: Sequence[Tested], metrics: Mapping[str, str], source_language: str
) -> list[Table]:
    """A table a task for the terminal: languages down, contenders across, in percent.

    The source language comes first, and is in no mean. Below each, which seeds are left out, why.
    """
    scores = tested_scores(tested, source_language)
    tables = [
        _comparison([s for s in scores if (s.task, s.metric) == shown], source_language)
        for shown in metrics.items()
    ]
    for table in tables:
        table.caption = "\n".join(seeds_left_out(tested)) or None
        table.caption_justify = "left"
    return tables


def _comparison(scores: Sequence[TestedScore], source_language: str) -> Table:
    cells = {(s.contender, s.language): with_deviation(s.mean, s.deviation) for s in scores}
    contenders = list(dict.fromkeys(score.contender for score in scores))
    languages = dict.fromkeys(score.language for score in scores)
    targets = [name for name in languages if name not in (source_language, TARGET_MEAN)]
    first, n_seeds = scores[0], max(score.seeds for score in scores)
    over = f"mean ± standard deviation over {n_seeds} seeds" if n_seeds > 1 else "one seed"
    table = Table(title=f"{first.task}: {first.metric} on test, %, {over}", title_justify="left")
    table.add_column("language", no_wrap=True)
    for name in contenders:
        table.add_column(name, justify="right", no_wrap=True)
    labels = {source_language: f"{source_language} (source)", TARGET_MEAN: MEAN}
    for language in (source_language, *targets, TARGET_MEAN):
        row = [cells.get((name, language), MISSING) for name in contenders]
        table.add_row(labels.get(language, language), *row, end_section=language == targets[-1])
    return table
