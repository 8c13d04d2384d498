"""What a search leaves in its MLflow run: tables, figures, a page, configurations to run again."""

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import optuna
import pandas as pd
import yaml
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from alignfreeze.base.documents import Section, html_page, markdown_text
from alignfreeze.base.markdown_tables import markdown_of
from alignfreeze.base.paths import existing_folder
from alignfreeze.base.plotting import png_bytes, svg_document, svg_element
from alignfreeze.base.tables import MISSING, Cell, Table, csv_text
from alignfreeze.evaluation.scores import rows_to_csv
from alignfreeze.search import finalists
from alignfreeze.search.context import TrialContext
from alignfreeze.search.figure_boundaries import reference_name
from alignfreeze.search.figures import study_figures
from alignfreeze.search.study import SearchStudy
from alignfreeze.search.trial_table import COMPLETE, FAILED, NAMES, PRUNED, StudyTable
from alignfreeze.search.trials import baseline_levels, scores_of
from alignfreeze.tracking.names import BEST_TRIAL, objective_metric
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.workers.queue import RUN_ID, SECONDS, problem_of
from alignfreeze.workers.worker import PRUNED_STEP

logger = logging.getLogger(__name__)

STATES = {TrialState.COMPLETE: COMPLETE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED}

BEST_FILE = "best.yaml"
TESTS_FILE = "tests.csv"

BEST_SHOWN = 10

BEST_AT_LEAST = 5
"""Trials that importances are about, at least: Optuna's advice for stable ones."""

READING = {
    "history": (
        "Optimisation history",
        "A point is a complete trial, higher is better; the line is the best so far. Dashed, here "
        "and below, is the baseline with the same seeds. Trials without a score are marked at "
        "the bottom.",
    ),
    "importances": (
        "Importance of parameters",
        "How much each parameter says of whether a trial is among the best, a tenth of them but "
        "five at least where there are ten, by PED-ANOVA; all sum to 100. It is no share of the "
        "differences in score, and of few trials it says little. A parameter that only some "
        "trials have, as those of a strategy, weighs as these are among the best.",
    ),
    "boundary": (
        "Score by boundary",
        "A point is a complete trial, at its boundary; the best is ringed. Colours "
        "are temperatures, where they vary; grey are objectives that read none.",
    ),
    "contour": (
        "Score over two parameters",
        "Colours between the trials are interpolated; where no trial is around, nothing is said.",
    ),
    "pareto": ("Pareto front", "No trial is both higher and further left than one of the front."),
    "languages": (
        "Languages and boundaries",
        "A row is a language: its best score at each boundary, in points above (blue) or below "
        "(red) {reference}. A dot marks its best boundary; grey was not tried.",
    ),
}
"""Heading of each figure, and how to read it."""


def leave_records(study: SearchStudy, context: TrialContext, run: TrackedRun) -> None:
    """Log what is known so far; nothing while no trial has ended."""
    done = finalists.tested(study)
    table = replace(tabulate(study, context), test_notes=finalists.seeds_left_out(done))
    if table.trials.empty:
        return
    with TemporaryDirectory(prefix="alignfreeze-") as name:
        folder = Path(name)
        (folder / "trials.csv").write_text(csv_text(table.trials), "utf-8")
        _write_best(study, folder)
        (folder / "figures").mkdir()
        figures = study_figures(table)
        for stem, figure in figures.items():
            (folder / "figures" / f"{stem}.png").write_bytes(png_bytes(figure))
        elements = {s: svg_element(svg_document(figure, s), s) for s, figure in figures.items()}
        (folder / "search.html").write_text(study_page(table, elements), "utf-8")
        if done:
            scores = finalists.tested_scores(done, study.config.source_language)
            (folder / TESTS_FILE).write_text(rows_to_csv(scores, finalists.TestedScore), "utf-8")
            finalists.log_tests(run, scores)
            run.describe(description(table, done, study.config.source_language))
        run.artifacts(folder)
    for note in table.test_notes:
        logger.info("%s: %s", TESTS_FILE, note)
    left_out = len(finalists.best_trials(study)) - study.settings.finalists
    if len(study.settings.objectives) > 1 and left_out > 0:
        logger.info("%d more of the Pareto front are not tested (finalists)", left_out)
    for trial in finalists.best_trials(study)[:1]:
        run.metric(BEST_TRIAL, trial.number)
        for objective, value in zip(study.settings.objectives, trial.values, strict=True):
            run.metric(objective_metric(objective, best=True), value)


def description(table: StudyTable, tested: Sequence[finalists.Tested], source_language: str) -> str:
    """What is told of a study in MLflow, in Markdown: the best trial, and the tests."""
    best = table.ranked.head(1)[["trial", *table.parameters]].to_dict("records")
    lines = [
        f"Best: trial {trial.pop('trial')}, "
        + ", ".join(f"{name} {format_value(value)}" for name, value in trial.items())
        for trial in best
    ]
    tests = finalists.comparisons(tested, table.metrics, source_language)
    return "\n\n".join([*map(markdown_of, tests), *map(markdown_text, lines), *table.metric_notes])


def _write_best(study: SearchStudy, folder: Path) -> None:
    """The best configuration, and those of a Pareto front, as ``config=`` takes them."""
    best = finalists.best_trials(study)
    files = {BEST_FILE: best[0]} if best else {}
    if best and len(study.settings.objectives) > 1:
        (folder / "pareto").mkdir()
        files |= {f"pareto/trial-{trial.number}.yaml": trial for trial in best}
    for name, trial in files.items():
        values = finalists.config_of(trial).model_dump(mode="json")
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        (folder / name).write_text(text, "utf-8")


def tabulate(study: SearchStudy, context: TrialContext) -> StudyTable:
    """The finished trials as a table."""
    finished = [t for t in study.trials.trials() if t.state.is_finished()]
    drawn = {name for trial in finished for name in trial.params}
    parameters = [name for name in context.space.parameters if name in drawn]
    rows = [_row(trial, context, parameters) for trial in finished]
    model = study.config.model
    if folder := existing_folder(model):
        model = folder.name
    levels = baseline_levels(study, context)
    means = {key: mean(level.scores) for key, level in levels.items()}
    return StudyTable(
        title=f"{model}, {', '.join(study.config.task)}: study {study.name}",
        trials=pd.DataFrame(rows),
        objectives=study.settings.objectives,
        parameters=parameters,
        boundaries=[name for name in context.space.boundaries() if name in parameters],
        logarithmic=[name for name in context.space.logarithmic() if name in parameters],
        scores=list(dict.fromkeys(name for row in rows for name in row if "/" in name)),
        best=[trial.number for trial in finalists.best_trials(study)],
        n_layers=context.n_layers,
        importances=importances_of(study.trials.study),
        baseline={str(key): value for key, value in means.items()},
        baseline_objective=context.objective.first(means) if means else None,
        metrics=context.metrics,
        metric_notes=context.metric_notes,
    )


def _row(trial: FrozenTrial, context: TrialContext, parameters: Sequence[str]) -> dict[str, Any]:
    objectives, complete = context.settings.objectives, trial.state == TrialState.COMPLETE
    values = trial.values if complete else [math.nan] * len(objectives)
    scores = context.objective.means(scores_of(trial) if complete else [])
    attributes: Mapping[str, Any] = trial.user_attrs
    return {
        "trial": trial.number,
        "state": STATES[trial.state],
        **dict(zip(objectives, values, strict=True)),
        **{name: trial.params.get(name) for name in parameters},
        **{str(key): value for key, value in scores.items()},
        "seconds": attributes.get(SECONDS, math.nan),
        "pruned_step": attributes.get(PRUNED_STEP),
        "run_id": attributes.get(RUN_ID),
        "problem": problem_of(trial) if trial.state == TrialState.FAIL else None,
    }


def importances_of(study: Study) -> dict[str, float]:
    """How much each parameter says of whether a trial is among the best, by the first objective."""
    n_trials = len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))
    best = min(0.5, max(0.1, BEST_AT_LEAST / max(n_trials, 1)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
    try:
        with warnings.catch_warnings():
            # Few trials, or a range that depends on another parameter: it says 0 then.
            warnings.simplefilter("ignore", UserWarning)
            # The evaluator asks what makes its target low.
            found = optuna.importance.get_param_importances(
                study, evaluator=evaluator, target=lambda trial: -trial.values[0]
            )
    except (ValueError, RuntimeError) as error:
        logger.debug("no importances: %s", error)
        return {}
    # Where nothing sets the best apart, it says of each parameter the same.
    return {} if len(found) > 1 == len({*found.values()}) else found


def study_page(table: StudyTable, figures: Mapping[str, str]) -> str:
    """The page of a study: the best trials, and its figures, each with how to read it.

    Figures are SVG elements by their stem; none while no trial is complete.
    """
    sections = [_best_trials(table)] if figures else []
    for stem, svg in figures.items():
        heading, reading = READING[stem]
        text = reading.format(reference=reference_name(table))
        sections.append(Section(stem, heading, [text], figures={f"figure-{stem}": svg}))
    about = ["no trials"]
    if not table.trials.empty:
        states = table.trials["state"].value_counts()
        counts = [f"{states.get(state, 0)} {state}" for state in (COMPLETE, PRUNED, FAILED)]
        about = [f"{len(table.trials)} trials: {', '.join(counts)}"]
    if table.metrics:
        about += [f"Scores on validation: {table.metric_names}.", *table.metric_notes]
    about += [f"Tests (tests.csv): {note}" for note in table.test_notes]
    if not figures:
        about.append("No trial is complete yet.")
    return html_page(table.title, sections, about=about)


def _best_trials(table: StudyTable) -> Section:
    """A table of the best trials, the best of all, or the Pareto front, marked."""
    columns = ["trial", *table.objectives, *table.parameters, "seconds"]
    names = {**NAMES, table.objectives[0]: table.score_name}
    trials = table.ranked.head(BEST_SHOWN).to_dict("records")
    shown = Table(
        "best",
        "Best trials",
        "",
        [names.get(name, name) for name in columns],
        [[_cell(trial, name, table) for name in columns] for trial in trials],
        labels=0,
        marked=frozenset(n for n, trial in enumerate(trials) if trial["trial"] in table.best),
    )
    marked = "the Pareto front" if len(table.objectives) > 1 else "the best"
    note = f"The {len(trials)} highest; marked: {marked}."
    return Section(shown.stem, shown.title, [note], table=shown)


def _cell(trial: Mapping[Any, Any], column: str, table: StudyTable) -> Cell:
    """A value as text, and numbers to be sorted by what they are."""
    value = trial[column]
    counts = isinstance(value, int | float | np.number) and not math.isnan(value)
    return Cell(_text(trial, column, table), value=float(value) if counts else None)


def _text(trial: Mapping[Any, Any], column: str, table: StudyTable) -> str:
    value = trial[column]
    if pd.isna(value):
        return MISSING
    if column == table.objectives[0]:
        return f"{100 * float(value):.2f} %"
    return format_value(round(float(value)) if column == "seconds" else value)


def format_value(value: object) -> str:
    """A parameter as text; numbers with four digits, whole ones with all."""
    if isinstance(value, float | np.floating):
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"
    return str(value)
