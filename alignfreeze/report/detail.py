"""The detail of a report: every language of a model and a task."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from alignfreeze.report.comparison import best_of
from alignfreeze.report.families import by_family
from alignfreeze.report.intervals import SeedInterval
from alignfreeze.report.missing import Gaps
from alignfreeze.report.remarks import left_out_of, mixture
from alignfreeze.report.score_tables import Block
from alignfreeze.report.table import SHORT, Entry, Grid, with_deviation, with_interval

AVERAGE = "average of targets"


@dataclass(frozen=True)
class Line:
    """One line of the table, by variant.

    Attributes:
        means: Means over seeds; ``None`` where there is no score.
        deviations: Sample standard deviations over seeds.
        scored: What a mean rests on.
        differences: Differences to the baseline, by seed.
        short: The variants that something is missing of.
        partial: Those whose differences rest on less than those of others.
    """

    means: Mapping[str, float | None]
    deviations: Mapping[str, float | None]
    scored: Mapping[str, Collection[object]]
    differences: Mapping[str, Mapping[int, float]]
    short: Collection[str]
    partial: Collection[str]


def detail_grid(block: Block, gaps: Gaps, interval: SeedInterval) -> Grid:
    """Languages down, by family; for each variant its scores, and the difference to the baseline.

    Args:
        block: The scores.
        gaps: What is missing.
        interval: Of the differences.
    """
    columns = ["language"]
    for variant in block.variants:
        columns += [variant, *(["difference [95 %]"] if variant in block.compared else [])]
    source = block.source_language
    lines = {f"{source} (source)": _of_language(block, source, gaps)}
    lines |= {code: _of_language(block, code, gaps) for code in by_family(block.languages)}
    lines[AVERAGE] = _of_average(block, gaps)
    rows = [[Entry(name), *_entries(line, interval)] for name, line in lines.items()]
    return Grid(
        f"detail-{block.model}-{block.task}",
        block.name,
        _note(block, interval, short=any(line.short or line.partial for line in lines.values())),
        columns,
        rows,
        frozenset({1, len(rows) - 1}),
    )


def _note(block: Block, interval: SeedInterval, *, short: bool) -> str:
    parts = [
        f"{block.metric} on the test split, %, mean ± sample standard deviation over seeds; in "
        "bold the best of those in a row that rest on the same seeds and languages. Differences "
        f"to the baseline in points over the seeds that both have, with their 95 % {interval.words}"
        f". What {block.source_language} gains, the language that was fine-tuned in, is faster "
        "learning, not transfer, and the others share it."
    ]
    if short:
        parts.append(
            f"{SHORT}: seeds or languages are missing; a difference that is marked rests on less "
            "than others in its row, and is not to be compared with them."
        )
    parts += [*left_out_of(block), *mixture(block.versions)]
    return " ".join([*parts, *([block.note] if block.note else [])])


def _of_language(block: Block, language: str, gaps: Gaps) -> Line:
    seeds = {v: block.values.get(v, {}).get(language, {}) for v in block.variants}
    return Line(
        means={variant: block.mean(variant, language) for variant in block.variants},
        deviations={variant: block.deviation(variant, language) for variant in block.variants},
        scored=seeds,
        differences={v: block.differences(v, language) for v in block.compared},
        short={variant for variant, own in seeds.items() if own and gaps.expected - own.keys()},
        partial={v for v in block.compared if block.falls_short(v, language)},
    )


def _of_average(block: Block, gaps: Gaps) -> Line:
    return Line(
        means={variant: block.average(variant) for variant in block.variants},
        deviations={variant: block.average_deviation(variant) for variant in block.variants},
        scored={variant: block.scored(variant) for variant in block.variants},
        differences={variant: block.comparison(variant).differences for variant in block.compared},
        short={v for v in block.variants if (block.model, block.task, v) in gaps.short},
        partial={v for v in block.compared if block.falls_short(v)},
    )


def _entries(line: Line, interval: SeedInterval) -> list[Entry]:
    best = best_of(line.means, line.scored)
    entries = []
    for variant, mean in line.means.items():
        mark = SHORT if variant in line.short else ""
        text = with_deviation(mean, line.deviations[variant])
        entries.append(Entry(f"{text}{mark}", variant in best))
        if variant in line.differences:
            partial = variant in line.partial
            text = with_interval(line.differences[variant], interval, short=partial)
            entries.append(Entry(text))
    return entries
