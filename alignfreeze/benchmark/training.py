"""How many optimizer steps a grid takes, and what they cost by arithmetic."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from rich.table import Table

from alignfreeze.benchmark.cells import Cell
from alignfreeze.config import RunConfig, model_name
from alignfreeze.planning.arithmetic import (
    LEAST,
    Cost,
    Steps,
    finetuning_cost,
    known_steps,
    realignment_cost,
)
from alignfreeze.planning.published import ENCODERS
from alignfreeze.planning.speeds import Speeds
from alignfreeze.runs.strategies import strategy_choices


@dataclass(frozen=True)
class Realignment:
    """A realignment that is to be done.

    Attributes:
        steps: Its optimizer steps; ``None`` if not known.
        cost: What it costs by arithmetic; ``None`` where that is not known.
    """

    steps: int | None
    cost: Cost | None


@dataclass(frozen=True)
class Training:
    """What the cells of a model and task train, that are to be done.

    Attributes:
        model: The model.
        task: The task.
        steps: Of one fine-tuning; ``None`` if not known.
        finetunings: What each costs by arithmetic; ``None`` where that is not known.
        realignments: Those of new encoders, and those during or after fine-tunings.
        measured: Whether runs of the store say how long all of it takes.
    """

    model: str
    task: str
    steps: Steps | None
    finetunings: Sequence[Cost | None]
    realignments: Sequence[Realignment]
    measured: bool

    @property
    def finetuning(self) -> int:
        """Optimizer steps of all fine-tunings, as far as known."""
        return self.steps.count * len(self.finetunings) if self.steps else 0

    @property
    def realigning(self) -> int:
        """Optimizer steps of all realignments, as far as known."""
        return sum(own.steps or 0 for own in self.realignments)

    @property
    def is_known(self) -> bool:
        """Whether all steps are known."""
        return self.steps is not None and all(own.steps for own in self.realignments)


def longest(realigning: Sequence[Cell], speeds: Speeds) -> list[Cell]:
    """Of cells that need new encoders those whose realignment leaves the others' on its way.

    That is of each trajectory the one that takes the most steps. Those whose steps are not known
    stay in, too.
    """
    steps = {cell.identity: realign_steps_of(cell.config, speeds) for cell in realigning}
    most: dict[str, Cell] = {}
    for cell in realigning:
        before = most.get(cell.trajectory)
        if before is None or (steps[cell.identity] or 0) > (steps[before.identity] or 0):
            most[cell.trajectory] = cell

    def is_computed(cell: Cell) -> bool:
        unknown = steps[cell.identity] is None
        return not cell.trajectory or unknown or most[cell.trajectory] is cell

    return [cell for cell in realigning if is_computed(cell)]


def realign_steps_of(config: RunConfig, speeds: Speeds) -> int | None:
    """Optimizer steps of a cell's realignment; ``None`` if nothing tells them."""
    if config.realign_steps:
        return config.realign_steps
    steps = known_steps(config, speeds)
    return steps.count if steps else None


def trainings(to_do: Sequence[Cell], realigning: Sequence[Cell], speeds: Speeds) -> list[Training]:
    """What some cells train, by model and task.

    Args:
        to_do: Cells that fine-tune.
        realigning: Those of them whose realignment before that is computed.
        speeds: What runs of the store tell.
    """
    found = []
    for model, task in dict.fromkeys((cell.config.model, cell.task) for cell in to_do):
        own = [c for c in to_do if (c.config.model, c.task) == (model, task)]
        new = [c for c in realigning if (c.config.model, c.task) == (model, task)]
        config = own[0].config
        steps = known_steps(config, speeds)
        seconds = [
            *(speeds.seconds(cell.config, "finetune", task) for cell in own),
            *(speeds.seconds(cell.config, "realign", task) for cell in new),
        ]
        found.append(
            Training(
                model,
                task,
                steps,
                [finetuning_cost(c.config, steps.count) if steps else None for c in own],
                [
                    *(_realignment(c, realign_steps_of(c.config, speeds)) for c in new),
                    *chain.from_iterable(_within(c, steps, speeds) for c in own),
                ],
                None not in seconds,
            )
        )
    return found


def _within(cell: Cell, steps: Steps | None, speeds: Speeds) -> Iterator[Realignment]:
    """What a cell realigns during its fine-tuning of so many steps, or after it."""
    if not cell.realigns_within:
        return
    if cell.realign_when == "after":
        yield _realignment(cell, realign_steps_of(cell.config, speeds))
    else:
        yield _realignment(cell, steps.count if steps else None)


def _realignment(cell: Cell, steps: int | None) -> Realignment:
    size = ENCODERS.get(cell.config.model)
    if size is None or steps is None:
        return Realignment(steps, None)
    strategy = strategy_choices(cell.config, size.layers)[-1].strategy
    return Realignment(steps, realignment_cost(cell.config, strategy, steps))


def steps_table(found: Sequence[Training]) -> Table:
    """Optimizer steps by model and task: of one, times how many, and where that is known from."""
    table = Table(title="Optimizer steps", title_justify="left")
    table.add_column("model", overflow="fold")
    table.add_column("task", overflow="fold")
    for column in ("fine-tuning", "realignment"):
        table.add_column(column, justify="right", overflow="fold")
    table.add_column("steps known", overflow="fold")
    before = ""
    for each in found:
        table.add_row(
            "" if each.model == before else model_name(each.model),
            each.task,
            _times([each.steps.count if each.steps else None] * len(each.finetunings)),
            _times([own.steps for own in each.realignments]),
            each.steps.source if each.steps else "when the data is read",
        )
        before = each.model
    return table


def _times(found: Sequence[int | None]) -> str:
    """Steps of several trainings: ``3 × 1,000 + 2 × 500``."""
    texts = [
        f"{count} × {'?' if steps is None else f'{steps:,}'}"
        for steps, count in Counter(found).items()
    ]
    return " + ".join(texts) or "-"


def step_lines(found: Sequence[Training]) -> list[str]:
    """All optimizer steps, and those that are not known; lines for a person."""
    finetuning = sum(each.finetuning for each in found)
    realigning = sum(each.realigning for each in found)
    lines = []
    if finetuning or realigning:
        least = "at least " if any(_is_least(each) for each in found) else ""
        lines.append(
            f"{least}{finetuning:,} optimizer steps of fine-tuning, {realigning:,} of realigning"
        )
    if unknown := [f"{each.model} on {each.task}" for each in found if not each.is_known]:
        lines.append(f"steps known when the data is read: {', '.join(unknown)}")
    return lines


def _is_least(each: Training) -> bool:
    return each.steps is not None and each.steps.source == LEAST


def arithmetic_lines(found: Sequence[Training]) -> list[str]:
    """FLOPs of what is not measured yet; none where they are not known, either."""
    left = [each for each in found if not each.measured]
    costs = [cost for each in left for cost in each.finetunings]
    costs += [own.cost for each in left for own in each.realignments]
    known = [cost for cost in costs if cost is not None]
    if not known:
        return []
    total = Cost.total(known)
    return [
        f"by arithmetic {total.flops:.2e} FLOPs for {total.subwords:,} subwords of assumed lengths"
        " (matrices of layers alone; evaluation, reading and aligning left out)"
        + ("" if len(known) == len(costs) else ", and more that is not known")
    ]
