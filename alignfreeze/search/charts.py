"""Charts of a study for a browser: those of `alignfreeze.search.figures`, with plotly."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alignfreeze.base.plotting import COLOURS, GREY
from alignfreeze.search.plot_data import (
    TEMPERATURE,
    Floats,
    baseline_percentage,
    boundary_panels,
    colour_limit,
    complete_trials,
    contour_panels,
    describe,
    language_map,
    layer_ticks,
    left_out,
    log_ticks,
    metric_names,
    numbers,
    objective_name,
    padded,
    pareto_front,
    pareto_trials,
    percentages,
    running_best,
    score_name,
    surface,
    varies,
)
from alignfreeze.search.trial_table import FAILED, PRUNED, StudyTable

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

RESOLUTION = 120
"""Rows and columns of a contour's grid."""

PANEL_HEIGHT = 380
ROW_HEIGHT = 17
"""Of a language; both in pixels."""

DASH = {"color": GREY, "dash": "dash", "width": 1.5}
TRIAL = "%{hovertext}<extra></extra>"


def study_charts(table: StudyTable) -> dict[str, "Figure"]:
    """All charts that a study has something to show for, by the stem of their figure.

    A point tells of its trial where the pointer is over it; none while no trial is complete. The
    layout's ``meta`` says which trials a chart leaves out.
    """
    if complete_trials(table).empty:
        return {}
    charts = {
        "history": _history(table),
        "importances": _importances(table),
        "boundary": _boundary(table),
        "contour": _contour(table),
        "pareto": _pareto(table),
        "languages": _languages(table),
    }
    return {stem: chart for stem, chart in charts.items() if chart is not None}


def _history(table: StudyTable) -> "Figure":
    chart = _panels([""])
    complete = complete_trials(table)
    trials, scores = complete["trial"].tolist(), percentages(complete, table)
    last = int(table.trials["trial"].max())
    _add_points(chart, complete, table, trials, scores, name="complete", color=COLOURS[0])
    best = running_best(np.append(scores, scores[-1]))
    line = {"shape": "hv", "color": COLOURS[1]}
    _add_line(chart, [*trials, last], best, name="best so far", line=line)
    floor = float(scores.min()) - 0.1 * max(float(np.ptp(scores)), 0.5)
    for state, symbol, colour in ((PRUNED, "line-ns", COLOURS[4]), (FAILED, "x-thin", COLOURS[3])):
        own = table.trials[table.trials["state"] == state]
        if len(own):
            name = f"{state} ({len(own)})"
            x, y = own["trial"].tolist(), np.full(len(own), floor)
            style: dict[str, Any] = {"color": colour, "line": {"width": 2, "color": colour}}
            _add_points(chart, own, table, x, y, name=name, symbol=symbol, **style)
    _add_baseline(chart, table)
    first = int(table.trials["trial"].min())
    chart.update_xaxes(title_text="trial", range=[first - 0.7, last + 0.7])
    chart.update_yaxes(title_text=_score_title(table))
    return chart


def _importances(table: StudyTable) -> "Figure | None":
    import plotly.graph_objects as go

    if not table.importances:
        return None
    chart = _panels([""], height=110 + 34 * len(table.importances))
    values = [100 * value for value in table.importances.values()]
    bars = go.Bar(
        x=values,
        y=[escape(name, quote=False) for name in table.importances],
        orientation="h",
        marker_color=COLOURS[0],
        texttemplate="%{x:.0f}",
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    chart.add_trace(bars)
    chart.update_xaxes(title_text="share of the differences (%)")
    chart.update_yaxes(autorange="reversed", type="category")
    return chart


def _boundary(table: StudyTable) -> "Figure | None":
    shown = boundary_panels(table)
    if not shown:
        return None
    chart = _panels(list(shown))
    coloured = varies(complete_trials(table), TEMPERATURE)
    if coloured:
        chart.update_layout(coloraxis=_temperature_scale(complete_trials(table)))
    for row, (column, trials) in enumerate(shown.items(), 1):
        x, scores = numbers(trials, column), percentages(trials, table)
        colour = np.log10(numbers(trials, TEMPERATURE)) if coloured else COLOURS[0]
        scale = {"coloraxis": "coloraxis"} if coloured else {}
        _add_points(chart, trials, table, x, scores, row=row, name="trial", color=colour, **scale)
        _ring_best(chart, table, trials, x, scores, row=row)
        _add_baseline(chart, table, row=row)
        _layer_axis(chart, table, row)
    levels = np.concatenate([percentages(trials, table) for trials in shown.values()])
    levels = np.append(levels, baseline_percentage(table) or levels[:1])
    limits = padded(levels, bottom=0.06, top=0.16)
    chart.update_yaxes(title_text=_score_title(table), range=limits)
    chart.update_layout(showlegend=False, meta=left_out(table, shown.values()))
    return chart


def _contour(table: StudyTable) -> "Figure | None":
    import plotly.graph_objects as go

    shown = contour_panels(table)
    if not shown:
        return None
    chart = _panels([f"{x} × {y}" for x, y in shown])
    every = np.concatenate([percentages(trials, table) for trials in shown.values()])
    low, spread = float(every.min()), max(float(np.ptp(every)), 0.1)
    chart.update_layout(
        showlegend=False,
        coloraxis={
            "colorscale": "Viridis",
            "cmin": low,
            "cmax": low + spread,
            "colorbar": {"title": _bar_title(table), "thickness": 12, "outlinewidth": 0},
        },
    )
    for row, ((x_name, y_name), trials) in enumerate(shown.items(), 1):
        x, y, scores = numbers(trials, x_name), numbers(trials, y_name), percentages(trials, table)
        logarithmic = (x_name in table.logarithmic, y_name in table.logarithmic)
        between = surface(x, y, scores, logarithmic=logarithmic, resolution=RESOLUTION)
        if between is not None:
            contour = go.Contour(
                **between._asdict(),
                # Plotly shares no colour axis between contours and points.
                colorscale="Viridis",
                zmin=low,
                zmax=low + spread,
                showscale=False,
                contours={"start": low, "end": low + spread, "size": spread / 12},
                opacity=0.75,
                line_width=0.5,
                hoverinfo="skip",
            )
            chart.add_trace(contour, row=row, col=1)
        scale = {"color": scores, "coloraxis": "coloraxis"}
        _add_points(chart, trials, table, x, y, row=row, name="trial", **scale)
        _ring_best(chart, table, trials, x, y, row=row)
        for axis, name, values in (("xaxis", x_name, x), ("yaxis", y_name, y)):
            suffix = "" if row == 1 else str(row)
            chart.update_layout({f"{axis}{suffix}": _parameter_axis(table, name, values)})
    chart.update_layout(meta=left_out(table, shown.values()))
    return chart


def _pareto(table: StudyTable) -> "Figure | None":
    trials = pareto_trials(table)
    if trials.empty:
        return None
    second = table.objectives[1]
    chart = _panels([""])
    x, y = numbers(trials, second), percentages(trials, table)
    _add_points(chart, trials, table, x, y, name="complete", color=COLOURS[5])
    front = pareto_front(table)
    x, y = numbers(front, second), percentages(front, table)
    line = {"shape": "hv", "color": COLOURS[1]}
    _add_line(chart, x, y, name="Pareto front", line=line, showlegend=False)
    _add_points(chart, front, table, x, y, name="Pareto front", color=COLOURS[1], size=11)
    _add_baseline(chart, table)
    chart.update_xaxes(title_text=escape(objective_name(second), quote=False))
    chart.update_yaxes(title_text=_score_title(table))
    return chart


def _languages(table: StudyTable) -> "Figure | None":
    import plotly.graph_objects as go

    columns = list(boundary_panels(table))
    if not columns or not table.scores:
        return None
    maps = [language_map(table, column) for column in columns]
    chart = _panels(columns, height=120 + ROW_HEIGHT * len(table.scores))
    limit = colour_limit(maps)
    scale = {"title": "points", "thickness": 12, "outlinewidth": 0}
    ends = {"colorscale": "RdBu", "cmin": -limit, "cmax": limit, "colorbar": scale}
    chart.update_layout(coloraxis=ends, showlegend=False)
    for row, shown in enumerate(maps, 1):
        names = [escape(name, quote=False) for name in shown.rows]
        heat = go.Heatmap(
            x=list(shown.boundaries),
            y=names,
            z=shown.gains,
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate="%{y}, boundary %{x}: %{z:+.2f} points<extra></extra>",
        )
        chart.add_trace(heat, row=row, col=1)
        best = [(b, name) for b, name in zip(shown.best, names, strict=True) if b is not None]
        dots = go.Scatter(
            x=[boundary for boundary, _ in best],
            y=[name for _, name in best],
            mode="markers",
            marker={"color": "black", "size": 6, "line": {"color": "white", "width": 1}},
            hoverinfo="skip",
        )
        chart.add_trace(dots, row=row, col=1)
        _layer_axis(chart, table, row)
    chart.update_yaxes(autorange="reversed", type="category", dtick=1, tickfont_size=11)
    chart.update_layout(meta=left_out(table, boundary_panels(table).values()))
    return chart


def _panels(names: Sequence[str], *, height: int = PANEL_HEIGHT) -> "Figure":
    """Named panels below each other, ``height`` pixels each."""
    from plotly.subplots import make_subplots

    total = 40 + height * len(names)
    titles = [escape(name, quote=False) for name in names]
    gap = 110 / total if len(names) > 1 else 0
    chart = make_subplots(rows=len(names), cols=1, subplot_titles=titles, vertical_spacing=gap)
    chart.update_annotations(x=0, xanchor="left")
    chart.update_layout(
        template="simple_white",
        height=total,
        margin={"l": 60, "r": 20, "t": 40, "b": 60},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"align": "left"},
        font_size=13,
    )
    chart.update_yaxes(automargin=True, showgrid=True, gridcolor="#E5E5E5")
    return chart


def _add_points(
    chart: "Figure",
    trials: pd.DataFrame,
    table: StudyTable,
    x: "Sequence[int] | Floats",
    y: Floats,
    *,
    name: str,
    row: int = 1,
    **marker: Any,
) -> None:
    """A point a trial, which tells of the trial."""
    import plotly.graph_objects as go

    style = {"size": 9, "line": {"color": "white", "width": 0.7}} | marker
    points = go.Scatter(
        x=x,
        y=y,
        mode="markers",
        name=name,
        marker=style,
        hovertext=[_hover(trial, table) for trial in trials.to_dict("records")],
        hovertemplate=TRIAL,
    )
    chart.add_trace(points, row=row, col=1)


def _hover(trial: Any, table: StudyTable) -> str:
    lines = describe(trial, table)
    if not pd.isna(problem := trial["problem"]):
        lines["problem"] = str(problem)
    return "<br>".join(escape(f"{name}: {text}", quote=False) for name, text in lines.items())


def _add_line(
    chart: "Figure", x: Any, y: Any, *, name: str, line: Any, row: int = 1, showlegend: bool = True
) -> None:
    import plotly.graph_objects as go

    trace = go.Scatter(
        x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip", showlegend=showlegend
    )
    chart.add_trace(trace, row=row, col=1)


def _add_baseline(chart: "Figure", table: StudyTable, *, row: int = 1) -> None:
    baseline = baseline_percentage(table)
    if baseline is not None:
        text = f"baseline {baseline:.1f}"
        place = "bottom right"
        chart.add_hline(
            baseline,
            line=DASH,
            opacity=1,
            row=row,
            col=1,
            annotation_text=text,
            annotation_position=place,
        )


def _ring_best(
    chart: "Figure", table: StudyTable, trials: pd.DataFrame, x: Floats, y: Floats, *, row: int
) -> None:
    """Ring and name the best trial, where it is among those of the panel."""
    import plotly.graph_objects as go

    best = trials["trial"].isin(table.best[:1])
    ring = go.Scatter(
        x=x[best],
        y=y[best],
        mode="markers+text",
        marker={"symbol": "circle-open", "size": 17, "color": "black", "line": {"width": 2}},
        text=[f"trial {number}" for number in trials["trial"][best]],
        textposition="top center",
        hoverinfo="skip",
    )
    chart.add_trace(ring, row=row, col=1)


def _score_title(table: StudyTable) -> str:
    return f"{escape(score_name(table), quote=False)} (%)"


def _bar_title(table: StudyTable) -> str:
    """Short, since it makes a colour bar as wide as itself."""
    name = metric_names(table) if len(table.metrics) == 1 else "score"
    return f"{escape(name, quote=False)} (%)"


def _layer_axis(chart: "Figure", table: StudyTable, row: int) -> None:
    chart.update_xaxes(title_text="boundary (layer)", row=row, col=1, **_layers(table))


def _layers(table: StudyTable) -> dict[str, Any]:
    return {"tickvals": layer_ticks(table.n_layers), "range": [-0.7, table.n_layers + 0.7]}


def _parameter_axis(table: StudyTable, name: str, values: Floats) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": escape(name, quote=False)}}
    if name in table.boundaries:
        return axis | _layers(table)
    if name not in table.logarithmic:
        return axis
    ticks = log_ticks(float(values.min()), float(values.max()))
    return axis | {"type": "log", "tickvals": ticks, "ticktext": [f"{t:.4g}" for t in ticks]}


def _temperature_scale(trials: pd.DataFrame) -> dict[str, Any]:
    """Colours of temperatures' decimal logarithms, ticked at the temperatures."""
    ticks = log_ticks(float(trials[TEMPERATURE].min()), float(trials[TEMPERATURE].max()))
    bar = {
        "title": TEMPERATURE,
        "tickvals": np.log10(ticks).tolist(),
        "ticktext": [f"{tick:.4g}" for tick in ticks],
        "thickness": 12,
        "outlinewidth": 0,
    }
    return {"colorscale": "Viridis", "colorbar": bar}
