"""The summary of a report: means over target languages, and in how many of them each wins."""

from collections.abc import Mapping, Sequence

from alignfreeze.config import BASELINE
from alignfreeze.report.comparison import best_of
from alignfreeze.report.counting import Counts, Rule, count, total
from alignfreeze.report.intervals import SeedInterval
from alignfreeze.report.missing import Gaps
from alignfreeze.report.remarks import mixture
from alignfreeze.report.score_tables import Block
from alignfreeze.report.table import (
    MISSING,
    SHORT,
    Entry,
    Grid,
    arrows,
    points,
    with_deviation,
    with_interval,
)

Key = tuple[str, str, str]
"""Model, task, variant."""

TOTAL = "all tasks"
OVERALL = "all models"
LABELS = 3

RULES: Mapping[Rule, str] = {
    "exact": "unrounded means, and the sample standard deviation of the baseline's seeds",
    "paper": "means, and the population deviation of the baseline's seeds, in points rounded to "
    "0.1 first",
    "published": "as in print: rounded to 0.1 first, and compared as sums of binary doubles; PoS "
    "counts the average as one more language, NLI leaves Russian out",
}


def all_counts(blocks: Sequence[Block], rule: Rule) -> dict[Key, Counts | None]:
    """The counts of every variant but the baseline."""
    return {
        (block.model, block.task, variant): count(block, variant, rule)
        for block in blocks
        for variant in block.variants
        if variant != BASELINE
    }


def summary_grid(
    blocks: Sequence[Block],
    gaps: Gaps,
    rule: Rule,
    interval: SeedInterval,
    versions: Sequence[str] = (),
) -> Grid:
    """Models, tasks and variants down, with the totals of a model's tasks and of all models.

    Args:
        blocks: All models and tasks, those of a model beside each other.
        gaps: What is missing.
        rule: How wins and losses are counted.
        interval: Of the differences.
        versions: Of what all runs together have several versions, and which.
    """
    counts = all_counts(blocks, rule)
    models = list(dict.fromkeys(block.model for block in blocks))
    tasks = sorted({b.task for b in blocks}, key=[b.task for b in blocks].index)
    rows: list[list[Entry]] = []
    sections = set()
    for model in models:
        parts = [_block(block, gaps, counts, interval) for block in blocks if block.model == model]
        if len(tasks) > 1:
            parts.append(_totals(TOTAL, _variants(counts, model), [model], tasks, counts, gaps))
        for number, part in enumerate(parts):
            sections.add(len(rows))
            rows += [[Entry(model if not number and not n else ""), *r] for n, r in enumerate(part)]
    if len(models) > 1:
        sections.add(len(rows))
        rows += _overall(models, tasks, counts, gaps)
    sources = list(dict.fromkeys(block.source_language for block in blocks))
    source = f"{', '.join(sources)} (source)"
    columns = ["model", "task", "strategy", "targets", "difference [95 %]"]
    columns += [source, "change", "↓ ↑"]
    short = any(SHORT in entry.text for row in rows for entry in row)
    metrics = dict.fromkeys(block.note for block in blocks if block.note)
    note = " ".join([_note(rule, interval, source, short=short), *metrics, *mixture(versions)])
    return Grid("summary", "Summary", note, columns, rows, frozenset(sections), labels=LABELS)


def _note(rule: Rule, interval: SeedInterval, source: str, *, short: bool) -> str:
    note = (
        "Test split, %: mean over target languages ± standard deviation over seeds, in bold the "
        "best of those that rest on the same seeds and languages; its difference to the baseline "
        f"in points, over the languages that both have, with its 95 % {interval.words}; {source}: "
        "the language that was fine-tuned in, and its change from the baseline: a gain there is "
        "faster learning, not transfer, and targets share it; ↓ ↑: in how many languages the mean "
        "over seeds lies below and above the baseline's by more "
        f"than one standard deviation ({RULES[rule]})."
    )
    missing = (
        f" {SHORT}: seeds, languages or runs are missing, see below; a difference that is marked "
        "rests on less than others, and is not to be compared with them."
    )
    return note + (missing if short else "")


def _block(
    block: Block, gaps: Gaps, counts: Mapping[Key, Counts | None], interval: SeedInterval
) -> list[list[Entry]]:
    """A row a variant, without the model."""
    averages = {variant: block.average(variant) for variant in block.variants}
    best = best_of(averages, {variant: block.scored(variant) for variant in block.variants})
    rows = []
    for number, variant in enumerate(block.variants):
        key = (block.model, block.task, variant)
        text = with_deviation(averages[variant], block.average_deviation(variant))
        compares = variant in block.compared
        texts = (
            _difference(block, variant, interval) if compares else "",
            with_deviation(*_of_source(block, variant)),
            _change_of_source(block, variant) if compares else "",
            arrows(counts[key]) if variant != BASELINE else "",
        )
        task = f"{block.task} {block.metric}" if number == 0 else ""
        entry = Entry(f"{text}{mark(key, gaps)}", variant in best)
        rows.append([Entry(task), Entry(variant), entry, *map(Entry, texts)])
    return rows


def _difference(block: Block, variant: str, interval: SeedInterval) -> str:
    """That of the averages to the baseline's, over what both have."""
    differences = block.comparison(variant).differences
    return with_interval(differences, interval, short=block.falls_short(variant))


def _change_of_source(block: Block, variant: str) -> str:
    change = points(block.difference(variant, block.source_language), signed=True)
    short = change != MISSING and block.falls_short(variant, block.source_language)
    return f"{change}{SHORT if short else ''}"


def _of_source(block: Block, variant: str) -> tuple[float | None, float | None]:
    language = block.source_language
    return block.mean(variant, language), block.deviation(variant, language)


def _overall(
    models: Sequence[str],
    tasks: Sequence[str],
    counts: Mapping[Key, Counts | None],
    gaps: Gaps,
) -> list[list[Entry]]:
    """The totals over all models, by task and in all."""
    parts = [_totals(task, _variants(counts), models, [task], counts, gaps) for task in tasks]
    if len(tasks) > 1:
        parts.append(_totals(TOTAL, _variants(counts), models, tasks, counts, gaps))
    rows = [row for part in parts for row in part]
    return [[Entry(OVERALL if n == 0 else ""), *row] for n, row in enumerate(rows)]


def _variants(counts: Mapping[Key, object], model: str | None = None) -> list[str]:
    """What is counted, of one model or of all."""
    return list(dict.fromkeys(key[2] for key in counts if model in (None, key[0])))


def _totals(
    name: str,
    variants: Sequence[str],
    models: Sequence[str],
    tasks: Sequence[str],
    counts: Mapping[Key, Counts | None],
    gaps: Gaps,
) -> list[list[Entry]]:
    """A row a variant with a sum of counts, without the model."""
    rows = []
    for number, variant in enumerate(variants):
        keys = [(model, task, variant) for model in models for task in tasks]
        row = [name if number == 0 else "", variant, "", "", "", "", _total(keys, counts, gaps)]
        rows.append([Entry(text) for text in row])
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
