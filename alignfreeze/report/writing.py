"""The files of a report, from the runs of the store: texts, numbers and figures."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from alignfreeze.base.documents import Section, html_page, latex, markdown
from alignfreeze.base.faults import unwritable
from alignfreeze.base.paths import user_path
from alignfreeze.base.plotting import DPI, svg_document, svg_element
from alignfreeze.base.tables import Table
from alignfreeze.report.collecting import Collected, collect
from alignfreeze.report.csv_tables import detail_csv, scores_csv, summary_csv
from alignfreeze.report.figure_differences import difference_figure
from alignfreeze.report.figure_heatmap import heatmap_figure
from alignfreeze.report.figure_layers import boundary_figure, layers_figure
from alignfreeze.report.notes import comparisons
from alignfreeze.report.published import published_table
from alignfreeze.report.result_tables import detail_table, summary_table
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.selection import with_taken_over
from alignfreeze.report.settings import ReportConfig
from alignfreeze.tracking.location import has_store
from alignfreeze.tracking.store import stored_run, stored_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

TITLE = "AlignFreeze: cross-lingual transfer by freezing strategy"
FIGURES = "figures"
MIXED = "Mixed versions"
WITHOUT = "What averages are compared without"

KINDS = {"differences": difference_figure, "heatmap": heatmap_figure, "alignment": layers_figure}
"""What is drawn of each model and task, by what the stem of its files begins with."""

BOUNDARY = "boundary"
"""The stem of the files of what is drawn of all together."""


@dataclass(frozen=True)
class ReportOutcome:
    """What a report has to tell.

    Attributes:
        summary: The summary, for the terminal.
        missing: How many lines there are about what is missing or mixed, by heading.
        places: Files, for a person.
        folder: Where they are.
    """

    summary: Table
    missing: Mapping[str, int]
    places: Sequence[str]
    folder: Path


def make_report(config: ReportConfig) -> ReportOutcome:
    """Read runs, and write tables and figures of them.

    Raises:
        AlignFreezeError: If no run has results, or the folder cannot be written.
    """
    runs = stored_runs(config.experiments, config.where) if has_store() else []
    collected = collect(with_taken_over(runs, stored_run), config)
    tables, missing = collected.tables, collected.missing
    shown = [summary_table(collected, config)]
    if config.published:
        beside = published_table(tables, missing, config.counting)
        shown += [beside] if beside else []
        if beside is None:
            logger.warning("no model, task and strategy of this report is in the published table")
    shown += [detail_table(table, missing, config) for table in tables]
    folder = user_path("output", config.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=folder) as temporary:
            names = _write(Path(temporary), shown, collected, config)
            _publish(Path(temporary), folder)
    except OSError as error:
        raise unwritable("output", folder, error) from error
    sections = {**missing.sections, WITHOUT: comparisons(tables), MIXED: collected.versions}
    return ReportOutcome(
        shown[0],
        {heading: len(lines) for heading, lines in sections.items() if lines},
        [str(folder / name) for name in (*names, FIGURES)],
        folder,
    )


def _write(
    folder: Path, shown: Sequence[Table], collected: Collected, config: ReportConfig
) -> list[str]:
    """Write all files into an empty folder, and say how those beside the figures are called."""
    tables = collected.tables
    figures = report_figures(tables)
    (folder / FIGURES).mkdir()
    elements = {
        stem: svg_element(save_figure(figure, folder / FIGURES, stem), stem)
        for stem, figure in figures.items()
    }
    paths = [{s: f"{FIGURES}/{s}.{kind}" for s in figures} for kind in ("svg", "pdf")]
    sections = [Section(table.stem, table.title, [table.note], table) for table in shown]
    sections += _remarks(collected)
    page, text, paper = (
        [*sections, *([Section("figures", "Figures", figures=drawn)] if drawn else [])]
        for drawn in (elements, *paths)
    )
    texts = {
        "report.html": html_page(TITLE, page),
        "report.md": markdown(TITLE, text),
        "report.tex": latex(TITLE, paper),
        "summary.csv": summary_csv(tables, config),
        "detail.csv": detail_csv(tables, config),
        "scores.csv": scores_csv(tables),
    }
    for name, content in texts.items():
        (folder / name).write_text(content, "utf-8", errors="backslashreplace")
    return [*texts]


def _publish(written: Path, folder: Path) -> None:
    """Put files in the place of those of an earlier report, once all are written."""
    (folder / FIGURES).mkdir(exist_ok=True)
    drop_figures(folder / FIGURES)
    for path in filter(Path.is_file, written.rglob("*")):
        path.replace(folder / path.relative_to(written))


def _remarks(collected: Collected) -> list[Section]:
    """What there is to say beside tables and figures."""
    tables = collected.tables
    mixed = [f"all: {line}" for line in collected.versions]
    if len(tables) > 1:
        mixed += [f"{table.name}: {line}" for table in tables for line in table.versions]
    about = {"Which runs are shown": collected.settings, WITHOUT: comparisons(tables), MIXED: mixed}
    said = {heading: lines for heading, lines in about.items() if lines}
    missing = collected.missing.sections
    return [
        Section("about-the-numbers", "About the numbers", lists=said),
        Section(
            "what-is-missing", "What is missing", [] if missing else ["Nothing."], lists=missing
        ),
    ]


def report_figures(tables: Sequence[ScoreTable]) -> "dict[str, Figure]":
    """All figures of a report that have anything to show, by the stem of their files."""
    figures: dict[str, Figure] = {}
    for kind, draw in KINDS.items():
        for table in tables:
            if (figure := draw(table)) is not None:
                figures[_stem(f"{kind}-{table.model}-{table.task}", figures)] = figure
    if (boundaries := boundary_figure(tables)) is not None:
        figures[BOUNDARY] = boundaries
    return figures


def drop_figures(folder: Path) -> None:
    """Remove the figures of an earlier report, which may have had other models and tasks."""
    for pattern in (*(f"{kind}-*" for kind in KINDS), f"{BOUNDARY}.*"):
        for file in folder.glob(pattern):
            if file.suffix in (".svg", ".pdf", ".png"):
                file.unlink()


def save_figure(figure: "Figure", folder: Path, stem: str) -> str:
    """Write a figure as PDF, PNG and SVG, which is returned; each time the same bytes."""
    from matplotlib import rc_context

    document = svg_document(figure, stem)
    (folder / f"{stem}.svg").write_text(document, encoding="utf-8", newline="\n")
    with rc_context({"pdf.fonttype": 42}):  # Type 3 fonts are refused by many publishers.
        figure.savefig(folder / f"{stem}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{stem}.png", dpi=DPI)
    return document


def _stem(name: str, taken: "dict[str, Figure]") -> str:
    """A name as files can have it, that no other figure has."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    there = {stem.lower() for stem in taken}
    stems = (safe, *(f"{safe}-{number}" for number in range(2, len(taken) + 2)))
    return next(stem for stem in stems if stem.lower() not in there)
