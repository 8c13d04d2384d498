"""The summary of a report: means over target languages, and in how many of them each wins."""

from collections.abc import Mapping, Sequence

from alignfreeze.preparation import BASELINE
from alignfreeze.report.blocks import Block
from alignfreeze.report.counting import Counts, Rule, count, total
from alignfreeze.report.gaps import Gaps
from alignfreeze.report.grids import MISSING, SHORT, Entry, Grid, arrows, with_deviation

Key = tuple[str, str, str]
"""Model, task, variant."""

TOTAL = "all tasks"
OVERALL = "all models"

RULES: Mapping[Rule, str] = {
    "exact": "unrounded means, and the sample standard deviation of the baseline's seeds",
    "paper": "means, and the population deviation of the baseline's seeds, in points rounded to "
    "0.1 first",
    "published": "as in print: rounded to 0.1 first; PoS counts the average as one more language, "
    "NLI leaves Russian out",
}


def all_counts(blocks: Sequence[Block], rule: Rule) -> dict[Key, Counts | None]:
    """The counts of every variant but the baseline."""
    return {
        (block.model, block.task, variant): count(block, variant, rule)
        for block in blocks
        for variant in block.variants
        if variant != BASELINE
    }


def summary_grid(blocks: Sequence[Block], gaps: Gaps, rule: Rule) -> Grid:
    """Models and variants down, tasks across; below them the totals of all models."""
    by_key = {(block.model, block.task): block for block in blocks}
    models, tasks = _names(blocks)
    counts = all_counts(blocks, rule)
    metrics = {block.task: block.metric for block in blocks}
    heads = [h for task in tasks for h in (f"{task} {metrics[task]}", "↓ ↑")]
    rows: list[list[Entry]] = []
    sections = set()
    for model in models:
        own = [block for block in blocks if block.model == model]
        variants = list(dict.fromkeys(v for block in own for v in block.variants))
        sections.add(len(rows))
        for number, variant in enumerate(variants):
            row = [Entry(model if number == 0 else ""), Entry(variant)]
            for task in tasks:
                row += _cells(by_key.get((model, task)), variant, gaps, counts)
            ours = [(model, task, variant) for task in tasks]
            rows.append([*row, Entry("" if variant == BASELINE else _total(ours, counts, gaps))])
    if len(models) > 1:
        sections.add(len(rows))
        rows += _overall(counts, models, tasks, gaps)
    source = blocks[0].source_language
    note = (
        f"Test split, %: mean over target languages ({source} left out) ± standard deviation over "
        f"seeds, the best in bold; ↓ ↑: in how many languages the mean over seeds lies below and "
        f"above the baseline's by more than one standard deviation ({RULES[rule]})."
    )
    if any(SHORT in entry.text for row in rows for entry in row):
        note += f" {SHORT}: seeds, languages or runs are missing, see below."
    note = " ".join(dict.fromkeys([note, *(block.note for block in blocks if block.note)]))
    columns = ["model", "strategy", *heads, f"{TOTAL} ↓ ↑"]
    return Grid("summary", "Summary", note, columns, rows, frozenset(sections), labels=2)


def _names(blocks: Sequence[Block]) -> tuple[list[str], list[str]]:
    """Models and tasks, each once, in order."""
    tasks = sorted({b.task for b in blocks}, key=[b.task for b in blocks].index)
    return list(dict.fromkeys(block.model for block in blocks)), tasks


def _cells(
    block: Block | None, variant: str, gaps: Gaps, counts: Mapping[Key, Counts | None]
) -> list[Entry]:
    if block is None or variant not in block.values:
        return [Entry(MISSING), Entry("")]
    key = (block.model, block.task, variant)
    averages = {v: block.average(v) for v in block.variants}
    best = max((value for value in averages.values() if value is not None), default=None)
    text = with_deviation(averages[variant], block.average_deviation(variant))
    arrow = "" if variant == BASELINE else arrows(counts[key])
    return [
        Entry(f"{text}{mark(key, gaps)}", best is not None and averages[variant] == best),
        Entry(arrow),
    ]


def _overall(
    counts: Mapping[Key, Counts | None], models: Sequence[str], tasks: Sequence[str], gaps: Gaps
) -> list[list[Entry]]:
    """A row a variant: its counts over all models, by task and in all."""
    rows = []
    for number, variant in enumerate(dict.fromkeys(key[2] for key in counts)):
        row = [Entry(OVERALL if number == 0 else ""), Entry(variant)]
        for task in tasks:
            ours = [(model, task, variant) for model in models]
            row += [Entry(""), Entry(_total(ours, counts, gaps))]
        everything = [(model, task, variant) for model in models for task in tasks]
        rows.append([*row, Entry(_total(everything, counts, gaps))])
    return rows


def mark(key: Key, gaps: Gaps) -> str:
    """What is put behind a value that something is missing of."""
    return SHORT if key in gaps.short else ""


def _total(keys: Sequence[Key], counts: Mapping[Key, Counts | None], gaps: Gaps) -> str:
    """The sum of counts, marked where one of them is short or missing."""
    found = total([counts.get(key) for key in keys])
    lacking = any(
        counts.get(key) is None or {key, (*key[:2], BASELINE)} & gaps.short for key in keys
    )
    return f"{arrows(found)}{SHORT if found and lacking else ''}"
