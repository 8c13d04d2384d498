"""Means and counts beside those in print."""

from collections.abc import Sequence

from alignfreeze.config import BASELINE
from alignfreeze.report.counting import Rule, count
from alignfreeze.report.missing import Gaps
from alignfreeze.report.published import BESIDE, Published, published_figures
from alignfreeze.report.score_tables import Block
from alignfreeze.report.summary import RULES, mark
from alignfreeze.report.table import Entry, Grid, arrows, points
from alignfreeze.tracking.reference import METRIC_NOTES

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
    "languages: how many are in ours and in print; where they are not as many, there is no "
    "difference to take."
)


def published_grid(blocks: Sequence[Block], gaps: Gaps, rule: Rule) -> Grid | None:
    """Ours beside the published figures; ``None`` where no model, task and variant is in print."""
    figures = published_figures()
    rows: list[list[Entry]] = []
    notes = {NOTE: None, _counted(rule): None}
    sections = set()
    for block in blocks:
        begin = len(rows)
        for variant in block.variants:
            printed = figures.get((block.model, block.task, variant))
            if printed is not None and block.metric in BESIDE.get(block.task, (printed.metric,)):
                labels = (block.model, block.task) if len(rows) == begin else ("", "")
                ours = _ours(block, variant, printed, gaps, rule)
                rows.append([*map(Entry, (*labels, variant)), *ours])
                notes |= dict.fromkeys(_notes(block, printed))
        sections.add(begin)
    if not rows:
        return None
    title = "Beside the published figures"
    return Grid(
        "published",
        title,
        " ".join(filter(None, notes)),
        COLUMNS,
        rows,
        frozenset(sections),
        labels=3,
    )


def _counted(rule: Rule) -> str:
    """By which rules the counts are."""
    if rule == "published":
        return ""
    return (
        f"Ours are counted by {RULES[rule]}; print by another rule, which counting=published has."
    )


def _notes(block: Block, printed: Published) -> list[str]:
    """What the reader has to know of our metric, and of the printed one where it is another."""
    about = METRIC_NOTES.get((block.task, printed.metric))
    in_print = f"{block.task} {printed.metric} in print: {about}." if about else ""
    return [note for note in (block.note, in_print) if note]


def _ours(block: Block, variant: str, printed: Published, gaps: Gaps, rule: Rule) -> list[Entry]:
    average = block.average(variant)
    n_languages = len({language for language, _ in block.scored(variant)})
    difference = None
    if average is not None and n_languages == printed.languages:
        difference = average - printed.mean / 100
    counts = "" if variant == BASELINE else arrows(count(block, variant, rule))
    texts = (
        points(average) + mark((block.model, block.task, variant), gaps),
        f"{printed.mean:.1f}",
        points(difference, signed=True),
        counts,
        arrows(printed.counts) if printed.counts else "",
        f"{n_languages} / {printed.languages}",
    )
    return [Entry(text) for text in texts]
