"""The files of a report, from the runs of the store: texts, numbers and figures."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alignfreeze.base.documents import Section, html_page, latex, markdown
from alignfreeze.base.faults import unwritable
from alignfreeze.base.paths import user_path
from alignfreeze.base.tables import Table
from alignfreeze.report.collecting import Collected, collect
from alignfreeze.report.correlate_tables import correlates_csv, correlations_csv, why_sections
from alignfreeze.report.correlates import Explanation, explanations
from alignfreeze.report.csv_tables import detail_csv, scores_csv, summary_csv
from alignfreeze.report.figure_files import figure_files
from alignfreeze.report.figures import Drawn, correlate_figures, drop_figures, report_figures
from alignfreeze.report.imported import imported_table
from alignfreeze.report.kept_outcomes import kept_outcomes
from alignfreeze.report.notes import comparisons
from alignfreeze.report.published import published_table
from alignfreeze.report.resampling import over_examples
from alignfreeze.report.result_tables import detail_tables, summary_table
from alignfreeze.report.score_tables import ScoreTable
from alignfreeze.report.selection import with_taken_over
from alignfreeze.report.settings import ReportConfig
from alignfreeze.report.significance_table import significance_csv, significance_table
from alignfreeze.tracking.location import has_store
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
    runs = stored_runs(config.experiments, config.where) if has_store() else []
    collected = collect(with_taken_over(runs, stored_run), config)
    with TemporaryDirectory() as downloads:
        kept = partial(kept_outcomes, folder=Path(downloads))
        collected = over_examples(collected, kept, config)
    folder = user_path("output", config.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=folder) as temporary:
            shown, names = _write(Path(temporary), collected, config)
            _publish(Path(temporary), folder)
    except OSError as error:
        raise unwritable("output", folder, error) from error
    tables = collected.tables
    sections = {
        **collected.missing.sections,
        WITHOUT: comparisons(tables),
        MIXED: collected.versions,
    }
    return ReportOutcome(
        shown,
        {heading: len(lines) for heading, lines in sections.items() if lines},
        [str(folder / name) for name in (*names, FIGURES)],
        folder,
    )


def _write(folder: Path, collected: Collected, config: ReportConfig) -> tuple[Table, list[str]]:
    """Write all files into an empty folder; the summary, and how those beside figures are called.

    Other processes may draw meanwhile.
    """
    tables = collected.tables
    (folder / FIGURES).mkdir()
    with figure_files(folder / FIGURES) as figures:
        drawn = report_figures(tables)
        figures.add(drawn)
        explained = explanations(tables)
        correlates = correlate_figures(explained)
        figures.add(correlates)
        drawn = drawn | correlates
        shown = _shown(collected, config)
        sections = _sections(shown, collected, config, _Figures(drawn), explained)
        files = [{stem: f"{FIGURES}/{stem}.{kind}" for stem in drawn} for kind in ("svg", "pdf")]
        text, paper = ([_with(content, one) for one in sections] for content in files)
        texts = {
            "report.md": markdown(TITLE, text),
            "report.tex": latex(TITLE, paper),
            "summary.csv": summary_csv(tables, config),
            "significance.csv": significance_csv(tables),
            "detail.csv": detail_csv(tables, config),
            "scores.csv": scores_csv(tables),
            "correlates.csv": correlates_csv(explained),
            "correlations.csv": correlations_csv(explained),
        }
        elements = figures.elements()
    page = [_with(elements, one) for one in sections]
    texts = {"report.html": html_page(TITLE, page), **texts}
    for name, content in texts.items():
        (folder / name).write_text(content, "utf-8", errors="backslashreplace")
    return shown[0], [*texts]


def _shown(collected: Collected, config: ReportConfig) -> list[Table]:
    """The tables of all: the summary, what differences mean, and those in print."""
    tables, missing = collected.tables, collected.missing
    found = [summary_table(collected, config), significance_table(tables, config)]
    if config.source == "both":
        found.append(imported_table(tables, missing, config))
        if found[-1] is None:
            logger.warning("no model, task and strategy of this report is ours and imported")
    if config.published:
        found.append(published_table(tables, missing, config))
        if found[-1] is None:
            logger.warning("no model, task and strategy of this report is in the published table")
    return [table for table in found if table is not None]


@dataclass(frozen=True)
class _Figures:
    """Figures by their stem."""

    drawn: Mapping[str, Drawn]

    def of(
        self, table: ScoreTable | None, group: str = "", *, explains: bool = False
    ) -> dict[str, Any]:
        """What a section has of those of a table's group, or of all tables together."""
        wanted = (table, group, explains)
        own = {
            stem: drawn
            for stem, drawn in self.drawn.items()
            if (drawn.table, drawn.group, drawn.explains) == wanted
        }
        return {
            "figures": {stem: stem for stem in own},
            "captions": {stem: drawn.caption for stem, drawn in own.items()},
        }


def _with(content: Mapping[str, str], section: Section) -> Section:
    """A section with what its figures are in a document, by their stem."""
    figures = {stem: content[stem] for stem in section.figures}
    return replace(section, figures=figures, parts=[_with(content, own) for own in section.parts])


def _sections(
    shown: Sequence[Table],
    collected: Collected,
    config: ReportConfig,
    figures: _Figures,
    explained: Sequence[Explanation],
) -> list[Section]:
    """The tables of all, what there is of each model and task, and remarks.

    A figure is its stem, until `_with` puts it into a document.
    """
    sections = [Section(table.stem, table.title, table=table) for table in shown]
    for scores in collected.tables:
        details = detail_tables(scores, collected.missing, config)
        whole, *parts = (
            Section(own.stem, own.title, table=own, **figures.of(scores, group))
            for group, own in zip(scores.grouped, details, strict=True)
        )
        sections.append(replace(whole, parts=parts))
    boundaries = figures.of(None)
    if boundaries["figures"]:
        sections.append(Section("boundaries", "Boundaries", **boundaries))
    if explained:
        about = [figures.of(one.table, explains=True) for one in explained]
        sections.append(why_sections(explained, about))
    return [*sections, *_remarks(collected)]


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
    about = {
        "Which runs are shown": collected.settings,
        WITHOUT: comparisons(tables),
        "What is told by seeds alone": collected.seeds_alone,
        MIXED: mixed,
    }
    said = {heading: lines for heading, lines in about.items() if lines}
    missing = collected.missing.sections
    return [
        Section("about-the-numbers", "About the numbers", lists=said),
        Section(
            "what-is-missing", "What is missing", [] if missing else ["Nothing."], lists=missing
        ),
    ]
