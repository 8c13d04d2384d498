"""What a data source holds, as tables and lines for the terminal."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from rich.table import Table

from alignfreeze.alignment.cleaning import CorpusStats
from alignfreeze.datacheck.labelled import SplitReport
from alignfreeze.datacheck.parallel import PairReport
from alignfreeze.datacheck.report import DataReport
from alignfreeze.datacheck.telling import Line
from alignfreeze.datacheck.unused import Unused
from alignfreeze.messages import listed, plain
from alignfreeze.text.words import WordCounts

NOTHING = "–"

ALWAYS_SHOWN = ("read", "kept", "links")
"""The numbers of sentence pairs that come first, and have a column even where they are 0."""

SHOWN = 20
"""Lines of unused files; files that are unused for the same reason have one."""

READ_BADLY = {"unknown": "unknown %", "partly_unknown": "partly %", "textless": "textless %"}
"""The columns of words that are read badly, by the kind of `WordCounts`."""


def tables(report: DataReport) -> Iterator[Table]:
    """A table of each task, and one of the parallel text."""
    for task, splits in report.splits.items():
        if splits:
            yield _splits_table(task, splits)
    if report.pairs:
        yield _pairs_table(report.pairs)


def _splits_table(task: str, splits: Sequence[SplitReport]) -> Table:
    counted = dict.fromkeys(what for split in splits for what in split.counts)
    labelled = any(split.labels for split in splits)
    tokenized = any(split.words for split in splits)
    table = Table(title=task, title_justify="left")
    table.add_column("language", no_wrap=True)
    table.add_column("split", no_wrap=True)
    for column in (*counted, *(["labels"] if labelled else [])):
        table.add_column(column, justify="right", overflow="fold")
    for column in READ_BADLY.values() if tokenized else ():
        table.add_column(column, justify="right", overflow="fold")
    for number, split in enumerate(splits):
        cells = [f"{split.counts[what]:,}" if what in split.counts else NOTHING for what in counted]
        if labelled:
            cells.append(str(len(split.labels)) if split.labels else NOTHING)
        cells += _shares(split.words) if tokenized else []
        last = number + 1 == len(splits) or splits[number + 1].language != split.language
        style = "red" if split.problem else None
        table.add_row(split.language, split.split, *cells, end_section=last, style=style)
    return table


def _pairs_table(pairs: Sequence[PairReport]) -> Table:
    counts = {pair.language: pair.stats.counts if pair.stats else {} for pair in pairs}
    present = {name for found in counts.values() for name, count in found.items() if count}
    shown = [*ALWAYS_SHOWN, *(name for name in CorpusStats().counts if name in present)]
    shown = list(dict.fromkeys(shown))
    tokenized = any(pair.words for pair in pairs)
    table = Table(title="parallel text", title_justify="left")
    for column in ("language", "aligner"):
        table.add_column(column, no_wrap=True)
    for column in (*shown, *(READ_BADLY.values() if tokenized else ())):
        table.add_column(column.replace("_", " "), justify="right", overflow="fold")
    for pair in pairs:
        found = counts[pair.language]
        cells = [f"{found[name]:,}" if found else NOTHING for name in shown]
        cells += _shares(pair.words.get(pair.language)) if tokenized else []
        table.add_row(pair.language, pair.aligner, *cells, style="red" if pair.problem else None)
    return table


def _shares(words: WordCounts | None) -> list[str]:
    """What part of the words is read badly, in each of the ways."""
    if words is None or not words.words:
        return [NOTHING] * len(READ_BADLY)
    shares = [words.shares[kind] for kind in READ_BADLY]
    return [f"{100 * share:.2f}" if share else "0" for share in shares]


def lines(report: DataReport, *, verbose: bool) -> Iterator[str]:
    """What the tables do not show: what was left out, what lies there unused, what is wrong.

    Each is one line, whatever a file is called.

    Args:
        report: The report.
        verbose: Whether to list how often each label occurs, and what readers tell besides.
    """
    return map(plain, _lines(report, verbose=verbose))


def _lines(report: DataReport, *, verbose: bool) -> Iterator[str]:
    for split in chain.from_iterable(report.splits.values()):
        where = f"{split.task}, {split.language} {split.split}"
        if verbose and split.labels:
            listed = ", ".join(f"{label} {n:,}" for label, n in sorted(split.labels.items()))
            yield f"{where}: {listed}"
        yield from (f"{where}: {line}" for line in _shown(split.lines, verbose=verbose))
    for pair in report.pairs:
        where = f"parallel text, {pair.language}"
        yield from (f"{where}: {line}" for line in _shown(pair.lines, verbose=verbose))
    yield from report.lines
    yield from _unused(report.unused)
    yield from (f"problem: {problem}" for problem in report.problems)


def _shown(lines: Sequence[Line], *, verbose: bool) -> list[str]:
    return [line.text for line in lines if verbose or line.is_warning]


def _unused(found: Sequence[Unused]) -> Iterator[str]:
    named: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in found:
        count = f" ({entry.files:,} file(s))" if entry.files and entry.name.endswith("/") else ""
        alike = (entry.reason, "" if entry.reason else entry.name)
        named[alike].append(f"{entry.name}{count}")
    for (reason, _), names in list(named.items())[:SHOWN]:
        yield f"unused: {listed(names)}" + (f": {reason}" if reason else "")
    if (more := len(named) - SHOWN) > 0:
        yield f"unused: and {more:,} more"
