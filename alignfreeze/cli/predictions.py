"""The command that sets the predictions of two runs side by side."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alignfreeze.cli.output import tell
from alignfreeze.cli.terminal import PlainConsole, print_lines
from alignfreeze.errors import ConfigError, one_line

if TYPE_CHECKING:
    from alignfreeze.contracts import Said
    from alignfreeze.report.side_by_side import Difference, SideBySide

Texts = Sequence[Mapping[str, str]]


def predictions(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="one or two: ids of fine-tunings, of cells of a grid, or of whole runs",
            metavar="run",
            show_default=False,
        ),
    ],
    language: Annotated[
        str, typer.Option(help="default: where they differ most", show_default=False)
    ] = "",
    split: Annotated[Literal["test", "validation"], typer.Option(help="which examples")] = "test",
    task: Annotated[
        str, typer.Option(help="default: the first of the run", show_default=False)
    ] = "",
    metric: Annotated[str, typer.Option(help="default: the task's own", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=0, help="examples to show")] = 10,
    only: Annotated[
        Literal["all", "gained", "lost"],
        typer.Option(help="what the first has right beyond the second, or the other way round"),
    ] = "all",
    output: Annotated[
        Path | None, typer.Option(help="a CSV file for all that differ", show_default=False)
    ] = None,
    data: Annotated[
        str, typer.Option(help="where the data is, if elsewhere", show_default=False)
    ] = "",
) -> None:
    """Set the predictions of two runs side by side for a language, example by example."""
    from alignfreeze.report.example_texts import example_texts
    from alignfreeze.report.prediction_runs import find_predictions
    from alignfreeze.report.side_by_side import compare

    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = find_predictions(runs, split=split, task=task, folder=folder)
        side = compare(found, language, metric)
        texts = example_texts(found[0], side.language, data=data, folder=folder)
    kept = [d for d in side.differences if only == "all" or (d.gain > 0) == (only == "gained")]
    if output is not None:
        _write(output, side, kept, texts)
    result = _result(side, kept[:limit], texts)
    result |= {"run_ids": [own.run.run_id for own in found], "differing": len(kept)}
    lines = [*_summary(side), *(line for d in kept[:limit] for line in _example(d, side, texts))]
    if len(kept) > limit:
        lines += ["", f"{limit} of {len(kept):,} examples; --limit shows more, --output writes all"]
    if output is not None:
        lines.append(f"{len(kept):,} examples in {output}")
    tell(result, lambda: print_lines(PlainConsole(), lines))


def _result(side: "SideBySide", listed: "Sequence[Difference]", texts: Texts) -> dict[str, object]:
    """What scripts read, with the examples that are listed."""
    return {
        **{name: getattr(side, name) for name in ("task", "language", "metric", "names", "values")},
        "table": side.table and side.table._asdict(),
        "p_value": side.p_value,
        "gained": side.gained,
        "lost": side.lost,
        "examples": [{**d._asdict(), "texts": texts[d.example] if texts else {}} for d in listed],
    }


def _summary(side: "SideBySide") -> Iterator[str]:
    values = [f"{n} {100 * v:.1f}" for n, v in zip(side.names, side.values, strict=True)]
    yield f"{side.task}, {side.language}: {side.metric} {', '.join(values)}"
    if side.table is None:
        yield f"{len(side.differences):,} examples are not all right"
        return
    first, second = side.names
    table = side.table
    alone = f"{first} alone {table.first_only:,}, {second} alone {table.second_only:,}"
    yield f"examples that are right: both {table.both:,}, {alone}, neither {table.neither:,}"
    if side.p_value is not None:
        yield f"McNemar's exact p {side.p_value:.3g}"
    else:
        yield f"{first} gains {side.gained:g} and loses {side.lost:g}, summed over the examples"


def _example(found: "Difference", side: "SideBySide", texts: Texts) -> Iterator[str]:
    """An example for people: its texts, and what was said where that is not the same."""
    yield ""
    yield f"example {found.example} ({found.gain:+g})".replace("-", "−")
    own = texts[found.example] if texts else {}
    yield from (f"  {name}: {text}" for name, text in own.items())
    said = dict(zip(side.names, (found.first, found.second), strict=False))
    if isinstance(found.first, str):
        yield f"  right: {_joined(found.gold)}"
        for name, text in said.items():
            assert isinstance(text, str)
            right = text in ([found.gold] if isinstance(found.gold, str) else found.gold)
            yield f"  {name}: {text or '(nothing)'}{'' if right else '  ✗'}"
        return
    yield from _words(found, said, own)


def _words(
    found: "Difference", said: "Mapping[str, Said | None]", own: Mapping[str, str]
) -> Iterator[str]:
    """The words of an example whose tags are not all the same, or not right."""
    words = own.get("text", "").split(" ") if own else []
    columns = [own for own in (found.gold, *said.values()) if own is not None]
    for place, tags in enumerate(zip(*columns, strict=True)):
        if len(set(tags[1:] if len(said) > 1 else tags)) == 1:
            continue
        named = len(words) == len(found.gold)
        word = f"{place + 1} {words[place]}" if named else f"word {place + 1}"
        marked = [
            f"{n} {tag}{'' if tag == tags[0] else ' ✗'}"
            for n, tag in zip(said, tags[1:], strict=True)
        ]
        yield f"  {word}: right {tags[0]}, {', '.join(marked)}"


def _joined(said: "Said") -> str:
    return said if isinstance(said, str) else " | ".join(dict.fromkeys(said))


def _write(path: Path, side: "SideBySide", found: Sequence["Difference"], texts: Texts) -> None:
    """A row for each example that differs.

    Raises:
        ConfigError: If the file cannot be written.
    """
    import pandas as pd

    from alignfreeze.base.tables import csv_text

    rows = []
    for one in found:
        said = dict(zip(side.names, (one.first, one.second), strict=False))
        row = {"language": side.language, "example": one.example, "gain": one.gain}
        row |= texts[one.example] if texts else {}
        row |= {"gold": _in_cell(one.gold)}
        rows.append(row | {f"predicted {name}": _in_cell(own) for name, own in said.items()})
    try:
        path.write_text(csv_text(pd.DataFrame(rows)), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigError(f"output must be a file that can be written: {one_line(error)}") from None


def _in_cell(said: "Said | None") -> str:
    return said if isinstance(said, str) else " ".join(said or ())
