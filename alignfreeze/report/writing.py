"""The files of a report, from the runs of the store."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignfreeze.base.plotting import svg_element
from alignfreeze.base.tables import Table
from alignfreeze.errors import ConfigError
from alignfreeze.report.collecting import Collection, collect
from alignfreeze.report.comparison import SeedInterval
from alignfreeze.report.csv_tables import detail_csv, scores_csv, summary_csv
from alignfreeze.report.detail import detail_table
from alignfreeze.report.figures import drop_figures, report_figures, save_figure
from alignfreeze.report.notes import Remarks, comparisons
from alignfreeze.report.published import published_table
from alignfreeze.report.selection import with_taken_over
from alignfreeze.report.settings import ReportConfig
from alignfreeze.report.summary import summary_table
from alignfreeze.report.texts import latex, markdown, page
from alignfreeze.tracking.store import stored_run, stored_runs

logger = logging.getLogger(__name__)

TITLE = "AlignFreeze: cross-lingual transfer by freezing strategy"
FIGURES = "figures"
MIXED = "Mixed versions"
WITHOUT = "What averages are compared without"


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
    runs = with_taken_over(stored_runs(config.experiments, config.where), stored_run)
    collection = collect(runs, config)
    folder = Path(config.output).expanduser()
    summary = _write(collection, config, folder)
    sections = {
        **collection.missing.sections,
        WITHOUT: comparisons(collection.tables),
        MIXED: collection.versions,
    }
    names = ("report.html", "report.md", "report.tex", "summary.csv", "detail.csv", "scores.csv")
    return ReportOutcome(
        summary,
        {heading: len(lines) for heading, lines in sections.items() if lines},
        [str(folder / name) for name in (*names, FIGURES)],
        folder,
    )


def _write(collection: Collection, config: ReportConfig, folder: Path) -> Table:
    tables = collection.tables
    interval = SeedInterval(config.interval, config.resamples, config.bootstrap_seed)
    written = _text_tables(collection, config, interval)
    remarks = _remarks(collection)
    figures = report_figures(tables)
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        drop_figures(folder / FIGURES)
        elements = {
            stem: svg_element(save_figure(figure, folder / FIGURES, stem), stem)
            for stem, figure in figures.items()
        }
        texts = {
            "report.md": markdown(TITLE, written, remarks, [f"{FIGURES}/{s}.svg" for s in figures]),
            "report.tex": latex(TITLE, written, remarks, [f"{FIGURES}/{s}.pdf" for s in figures]),
            "report.html": page(TITLE, written, remarks, elements),
            "summary.csv": summary_csv(tables, config.counting, interval),
            "detail.csv": detail_csv(tables, interval),
            "scores.csv": scores_csv(tables),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"output: cannot write {folder}: {error.strerror}") from None
    return written[0]


def _text_tables(
    collection: Collection, config: ReportConfig, interval: SeedInterval
) -> list[Table]:
    """The summary, then the published figures beside it if they are asked for, then the details."""
    tables, missing, rule = collection.tables, collection.missing, config.counting
    beside = published_table(tables, missing, rule) if config.published else None
    if config.published and beside is None:
        logger.warning("no model, task and strategy of this report is in the published table")
    return [
        summary_table(tables, missing, rule, interval, collection.versions),
        *([beside] if beside else []),
        *(detail_table(table, missing, interval) for table in tables),
    ]


def _remarks(collection: Collection) -> Remarks:
    tables = collection.tables
    by_table = [f"{table.name}: {line}" for table in tables for line in table.versions]
    about = {
        "Which runs are shown": collection.settings,
        WITHOUT: comparisons(tables),
        MIXED: [
            *(f"all: {line}" for line in collection.versions),
            *(by_table if len(tables) > 1 else []),
        ],
    }
    return {
        "About the numbers": {heading: lines for heading, lines in about.items() if lines},
        "What is missing": collection.missing.sections,
    }
