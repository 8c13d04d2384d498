"""The page of a study: one file that needs no network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from alignfreeze.base.documents import Section, html_page
from alignfreeze.base.tables import MISSING, Cell, Table
from alignfreeze.search.figure_languages import reference_name
from alignfreeze.search.trial_table import COMPLETE, FAILED, PRUNED, StudyTable, objective_name

BEST_SHOWN = 10

READING = {
    "history": (
        "Optimisation history",
        "A point is a complete trial, higher is better; the line is the best so far. Dashed, here "
        "and below, is the baseline with the same seeds. Trials without a score are marked at "
        "the bottom.",
    ),
    "importances": (
        "Importance of parameters",
        "How much of the differences in score each parameter explains; all sum to 100.",
    ),
    "boundary": (
        "Score by boundary",
        "A point is a complete trial, at its boundary; the best is ringed. Colours "
        "are temperatures, where they vary.",
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


def study_page(table: StudyTable, figures: Mapping[str, str]) -> str:
    """The page of a study: the best trials, and its figures, each with how to read it.

    Args:
        table: The study.
        figures: SVG elements by the stem of their figure; none while no trial is complete.
    """
    sections = [_best_trials(table)] if figures else []
    for stem, svg in figures.items():
        heading, reading = READING[stem]
        text = reading.format(reference=reference_name(table))
        sections.append(Section(stem, heading, [text], figures={f"figure-{stem}": svg}))
    about = [_summary(table)]
    if table.metrics:
        about += [f"Scores on validation: {table.metric_names}.", *table.metric_notes]
    about += [f"Tests (tests.csv): {note}" for note in table.test_notes]
    if not figures:
        about.append("No trial is complete yet.")
    return html_page(table.title, sections, about=about)


def _summary(table: StudyTable) -> str:
    """How many trials there are, of each state."""
    if table.trials.empty:
        return "no trials"
    states = table.trials["state"].value_counts()
    counts = [f"{states.get(state, 0)} {state}" for state in (COMPLETE, PRUNED, FAILED)]
    return f"{len(table.trials)} trials: {', '.join(counts)}"


def _best_trials(table: StudyTable) -> Section:
    """A table of the best trials, the best of all, or the Pareto front, marked."""
    columns = ["trial", *table.objectives, *table.parameters, "seconds"]
    names = {name: objective_name(name) for name in table.objectives}
    names[table.objectives[0]] = table.score_name
    trials = table.ranked.head(BEST_SHOWN).to_dict("records")
    shown = Table(
        "best",
        "Best trials",
        "",
        [names.get(name, name) for name in columns],
        [[Cell(_text(trial, name, table)) for name in columns] for trial in trials],
        labels=0,
        marked=frozenset(n for n, trial in enumerate(trials) if trial["trial"] in table.best),
    )
    marked = "the Pareto front" if len(table.objectives) > 1 else "the best"
    note = f"The {len(trials)} highest; marked: {marked}."
    return Section(shown.stem, shown.title, [note], table=shown)


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
