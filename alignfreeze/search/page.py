"""The interactive page of a study: one file that needs no network."""

from html import escape

import pandas as pd

from alignfreeze.search.charts import study_charts
from alignfreeze.search.plot_data import (
    describe,
    format_value,
    metric_names,
    objective_name,
    ranked,
    reference_name,
    score_name,
)
from alignfreeze.search.trial_table import COMPLETE, FAILED, PRUNED, StudyTable

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
    "pareto": (
        "Pareto front",
        "No trial is both higher and further left than one of the front.",
    ),
    "languages": (
        "Languages and boundaries",
        "A row is a language: its best score at each boundary, in points above (blue) or below "
        "(red) {reference}. A dot marks its best boundary; grey or blank was not tried.",
    ),
}
"""Heading of each chart, and how to read it."""

CONTROLS = {
    "responsive": True,
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
}
"""Few buttons, so that a narrow window has room for the legend too; none sends data anywhere."""

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0; }
p { color: #555; margin: .25rem 0 .75rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #e5e5e5; }
th { font-weight: 600; border-bottom-color: #999; }
.best td { background: #eef5fb; font-weight: 600; }
"""


def study_page(table: StudyTable) -> str:
    """The page of a study: its charts, each with how to read it, and the best trials.

    Returns:
        HTML; plotly's script of some five megabytes is in it, once.
    """
    charts = study_charts(table)
    about = [_summary(table), *_metrics(table), *_tests(table)]
    parts = [f"<h1>{escape(table.title)}</h1>", *(f"<p>{escape(text)}</p>" for text in about)]
    if charts:
        parts += ["<h2>Best trials</h2>", _best_trials(table)]
    else:
        parts.append("<p>No trial is complete yet.</p>")
    for stem, chart in charts.items():
        heading, reading = READING[stem]
        text = reading.format(reference=reference_name(table))
        if chart.layout.meta:
            text += f" {chart.layout.meta.capitalize()}."
        body = chart.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=stem,
            config=CONTROLS,
        )
        parts.append(f"<section><h2>{escape(heading)}</h2><p>{escape(text)}</p>{body}</section>")
    return _document(table.title, "\n".join(parts), scripted=bool(charts))


def _document(title: str, body: str, *, scripted: bool) -> str:
    script = f"<script>{_plotly()}</script>" if scripted else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{script}\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _summary(table: StudyTable) -> str:
    """How many trials there are, of each state."""
    if table.trials.empty:
        return "no trials"
    states = table.trials["state"].value_counts()
    counts = [f"{states.get(state, 0)} {state}" for state in (COMPLETE, PRUNED, FAILED)]
    return f"{len(table.trials)} trials: {', '.join(counts)}"


def _metrics(table: StudyTable) -> list[str]:
    """What is scored, and what has to be known of it; nothing where it is not known."""
    names = metric_names(table)
    return [f"Scores on validation: {names}.", *table.metric_notes] if names else []


def _tests(table: StudyTable) -> list[str]:
    return [f"Tests (tests.csv): {note}" for note in table.test_notes]


def _best_trials(table: StudyTable) -> str:
    """A table of the best trials, the best of all, or the Pareto front, marked."""
    columns = ["trial", *table.objectives, *table.parameters, "seconds"]
    known = {name: objective_name(name) for name in table.objectives}
    known[table.objectives[0]] = score_name(table)
    names = [known.get(name, name) for name in columns]
    lines = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"]
    for trial in ranked(table).head(BEST_SHOWN).to_dict("records"):
        texts = describe(trial, table)
        if not pd.isna(trial["seconds"]):
            texts["seconds"] = format_value(round(float(trial["seconds"])))
        cells = "".join(f"<td>{escape(texts.get(name, '–'))}</td>" for name in columns)
        mark = ' class="best"' if trial["trial"] in table.best else ""
        lines.append(f"<tr{mark}>{cells}</tr>")
    note = f"The {len(lines) - 1} highest; marked: {_marked(table)}."
    return f'<p>{note}</p><div class="wide"><table>{"".join(lines)}</table></div>'


def _marked(table: StudyTable) -> str:
    return "the Pareto front" if len(table.objectives) > 1 else "the best"
