"""Means and counts beside those in print."""

from collections.abc import Sequence

from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block
from alignfreeze.report.counting import Rule, count
from alignfreeze.report.gaps import Gaps
from alignfreeze.report.grids import Entry, Grid, arrows, points
from alignfreeze.report.published import Published, published_figures
from alignfreeze.report.summary import mark

COLUMNS = (
    "model",
    "task",
    "strategy",
    "ours",
    "published",
    "difference",
    "ours ↓ ↑",
    "published ↓ ↑",
    "languages",
)
NOTE = (
    "Means over target languages, %, and counts, beside those of AlignFreeze (NAACL 2025); "
    "languages: how many are in ours and in print."
)


def published_grid(blocks: Sequence[Block], gaps: Gaps, rule: Rule) -> Grid | None:
    """Ours beside the published figures; ``None`` where no model, task and variant is in print."""
    figures = published_figures()
    rows: list[list[Entry]] = []
    sections = set()
    for block in blocks:
        begin = len(rows)
        for variant in block.variants:
            printed = figures.get((block.model, block.task, variant))
            if printed is not None and printed.metric == block.metric:
                labels = (block.model, block.task) if len(rows) == begin else ("", "")
                ours = _ours(block, variant, printed, gaps, rule)
                rows.append([*map(Entry, (*labels, variant)), *ours])
        sections.add(begin)
    if not rows:
        return None
    title = "Beside the published figures"
    return Grid("published", title, NOTE, COLUMNS, rows, frozenset(sections), labels=3)


def _ours(block: Block, variant: str, printed: Published, gaps: Gaps, rule: Rule) -> list[Entry]:
    average = block.average(variant)
    difference = None if average is None else average - printed.mean / 100
    counts = "" if variant == BASELINE else arrows(count(block, variant, rule))
    texts = (
        points(average) + mark((block.model, block.task, variant), gaps),
        f"{printed.mean:.1f}",
        points(difference, signed=True),
        counts,
        arrows(printed.counts) if printed.counts else "",
        f"{len({language for language, _ in block.scored(variant)})} / {printed.languages}",
    )
    return [Entry(text) for text in texts]
