"""What a search has found: the trials to test, and what their tests say."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from alignfreeze.base.tables import MISSING, with_deviation
from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.evaluation.result_table import MEAN
from alignfreeze.evaluation.scores import Score
from alignfreeze.search.context import reference
from alignfreeze.search.objective import TaskScores
from alignfreeze.search.study import SearchStudy, contender_code
from alignfreeze.search.trials import CODE, CONFIG, CONTENDER, scores_of
from alignfreeze.tracking.names import TARGET_MEAN, ScoreName, contender_metric, deviation_metric
from alignfreeze.tracking.runs import TrackedRun

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tested:
    """A configuration that was tested.

    Attributes:
        name: ``trial-<number>``, or a reference's name.
        results: All scores, by task and seed.
        left_out: Seeds that it was tested with as well, and others were not.
    """

    name: str
    results: Sequence[TaskScores]
    left_out: Sequence[int] = ()


def best_trials(study: SearchStudy) -> list[FrozenTrial]:
    """The best trial, or all of the Pareto front, the one with the best first objective first."""
    front = study.trials.study.best_trials
    # Of equal trials, the first.
    best = {tuple(t.values): t for t in sorted(front, key=lambda t: -t.number)}
    return sorted(best.values(), key=lambda trial: -trial.values[0])


def contenders(study: SearchStudy) -> dict[str, RunConfig]:
    """What is to be tested, by name: what was selected, the references, the baseline."""
    selected = best_trials(study)[: study.settings.finalists]
    return {
        **{f"trial-{trial.number}": config_of(trial) for trial in selected},
        **{name: reference(study.config, name) for name in (*study.settings.references, BASELINE)},
    }


def config_of(trial: FrozenTrial) -> RunConfig:
    """A trial's configuration, as a normal run takes it."""
    config = RunConfig.model_validate(trial.user_attrs[CONFIG])
    return config.model_copy(update={"reuse": True, "resume": False})


def tested(study: SearchStudy) -> list[Tested]:
    """What was tested so far of the contenders, in their order: the seeds that all of them have.

    Means of others would not compare; nothing if there are none.
    """
    done = [t for t in study.final.trials() if t.state == TrialState.COMPLETE]
    found: dict[str, list[TaskScores]] = {}
    for name, config in contenders(study).items():
        wanted = (name, contender_code(config))
        own = [t for t in done if (t.user_attrs[CONTENDER], t.user_attrs[CODE]) == wanted]
        if own:
            found[name] = [result for trial in own for result in scores_of(trial)]
    seeds = {name: {result.seed for result in results} for name, results in found.items()}
    common = set.intersection(*seeds.values()) if seeds else set()
    if found and not common:
        names = ", ".join(found)
        logger.warning("the tests of %s have no seed in common, and are not shown", names)
        return []
    return [
        Tested(name, [r for r in results if r.seed in common], sorted(seeds[name] - common))
        for name, results in found.items()
    ]


def seeds_left_out(tested: Sequence[Tested]) -> list[str]:
    """Which seeds are in no mean, and whose tests with them are missing; a sentence each."""
    found = []
    for seed in sorted({seed for one in tested for seed in one.left_out}):
        lacking = ", ".join(one.name for one in tested if seed not in one.left_out)
        found.append(f"Seed {seed} is left out: no test of {lacking} with it.")
    return found


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
    notes = "\n".join(seeds_left_out(tested)) or None
    return [
        _comparison([s for s in scores if (s.task, s.metric) == shown], source_language, notes)
        for shown in metrics.items()
    ]


def _comparison(scores: Sequence[TestedScore], source_language: str, notes: str | None) -> Table:
    cells = {(s.contender, s.language): with_deviation(s.mean, s.deviation) for s in scores}
    contenders = list(dict.fromkeys(score.contender for score in scores))
    languages = dict.fromkeys(score.language for score in scores)
    targets = [name for name in languages if name not in (source_language, TARGET_MEAN)]
    first, n_seeds = scores[0], max(score.seeds for score in scores)
    over = f"mean ± standard deviation over {n_seeds} seeds" if n_seeds > 1 else "one seed"
    title = f"{first.task}: {first.metric} on test, %, {over}"
    table = Table(title=title, title_justify="left", caption=notes, caption_justify="left")
    table.add_column("language", no_wrap=True)
    for name in contenders:
        table.add_column(name, justify="right", no_wrap=True)
    labels = {source_language: f"{source_language} (source)", TARGET_MEAN: MEAN}
    for language in (source_language, *targets, TARGET_MEAN):
        row = [cells.get((name, language), MISSING) for name in contenders]
        table.add_row(labels.get(language, language), *row, end_section=language == targets[-1])
    return table
