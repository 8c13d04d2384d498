"""What the published experiments cost: steps, subwords and FLOPs by arithmetic, hours as measured.

    python benchmarks/paper_cost.py [--presets paper-as-run,paper --measured FILE]

Hours are steps times the milliseconds of one in published.json, which published.py measured with
random weights and made-up text: evaluation, reading and aligning are left out. docs/paper.md has
what this prints.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignfreeze.benchmark.cells import Cell, cells_of
from alignfreeze.benchmark.settings import build_benchmark
from alignfreeze.benchmark.training import Training, longest, trainings
from alignfreeze.planning.arithmetic import Cost, row_subwords
from alignfreeze.planning.published import ENCODERS
from alignfreeze.planning.speeds import Speeds

MEASURED = Path(__file__).with_name("published.json")
HEADINGS = ("model", "task", "fine-tuning steps", "realignment steps", "subwords", "FLOPs")

Milliseconds = Mapping[tuple[str, str, str], float]
"""Of a step, by encoder, precision, and what `published.py` calls the phase."""


@dataclass(frozen=True)
class Row:
    """What the cells of a model and task come to; hours are ``None`` where no rate fits."""

    training: Training
    cost: Cost
    finetuning_hours: float | None
    realigning_hours: float | None


def rates(measured: Sequence[Mapping[str, Any]]) -> Milliseconds:
    """The milliseconds of a step in the lines of published.json."""
    return {
        (line["model"], line["precision"], line["what"]): line["milliseconds"] for line in measured
    }


def rows(preset: str, known: Milliseconds) -> Iterator[Row]:
    """What a published grid comes to, by model and task; no data, model or network is needed."""
    cells = cells_of(build_benchmark({"preset": preset}), lambda model: ENCODERS[model].layers)
    realigning = longest([cell for cell in cells if cell.realigns], Speeds([]))
    for found in trainings(cells, realigning, Speeds([])):
        own = [c for c in cells if (c.config.model, c.task) == (found.model, found.task)]
        costs = [*found.finetunings, *(realigned.cost for realigned in found.realignments)]
        yield Row(
            found,
            Cost.total(cost for cost in costs if cost is not None),
            hours([(finetuning_phase(cell), cell) for cell in own], found, known),
            hours(
                [(f"realignment, {c.config.strategy}", c) for c in own if c in realigning],
                found,
                known,
            ),
        )


def finetuning_phase(cell: Cell) -> str:
    """What `published.py` calls fine-tuning in rows as long as a cell's."""
    if cell.task in ("pos", "ner"):
        return "fine-tuning, tagged sentences"
    return f"fine-tuning, rows of {row_subwords(cell.config, cell.task)}"


def hours(
    phases: Sequence[tuple[str, Cell]], training: Training, known: Milliseconds
) -> float | None:
    """Hours of phases that take as many steps as a fine-tuning, as in the published grids.

    Returns:
        ``None`` if one of them was not measured.
    """
    assert training.steps is not None
    assert {realigned.steps for realigned in training.realignments} <= {training.steps.count}
    total = 0.0
    for phase, cell in phases:
        precision = "fp32" if cell.config.precision == "fp32" else "bf16"
        found = known.get((ENCODERS[cell.config.model].title, precision, phase))
        if found is None:
            return None
        total += found
    return total * training.steps.count / 3_600_000


def table(found: Sequence[Row]) -> Iterator[str]:
    """A table of Markdown, with a sum; hours that no rate was measured for are not in it."""
    headings = (*HEADINGS, "hours, fine-tuning", "hours, realignment")
    yield f"| {' | '.join(headings)} |"
    yield "|---|---|" + "---:|" * (len(headings) - 2)
    for row in found:
        training = row.training
        steps = (training.finetuning, training.realigning)
        each = (row.finetuning_hours, row.realigning_hours)
        yield line(ENCODERS[training.model].title, training.task, steps, row.cost, each)
    yield line(
        "all",
        "",
        (sum(r.training.finetuning for r in found), sum(r.training.realigning for r in found)),
        Cost.total(row.cost for row in found),
        (sum(r.finetuning_hours or 0 for r in found), sum(r.realigning_hours or 0 for r in found)),
    )


def line(
    model: str,
    task: str,
    steps: tuple[int, int],
    cost: Cost,
    each: tuple[float | None, float | None],
) -> str:
    """A line of the table."""
    cells = [model, task and f"`{task}`", *(f"{n:,}" for n in steps), f"{cost.subwords:,}"]
    cells += [f"{cost.flops:.2e}", *("–" if n is None else f"{n:.1f}" for n in each)]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print a table for each preset."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--presets", default="paper-as-run,paper")
    asked.add_argument("--measured", type=Path, default=MEASURED, help="as published.py wrote it")
    given = asked.parse_args()
    measured = json.loads(given.measured.read_text("utf-8"))
    for preset in given.presets.split(","):
        found = list(rows(preset, rates(measured["lines"])))
        print(f"{preset}; hours on an {measured['device']}\n", *table(found), "", sep="\n")


if __name__ == "__main__":
    main()
