"""What a grid comes to: its cells, what is done of them, what they share, how long it takes."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Literal

from rich.table import Table

from alignfreeze.benchmark.cells import Cell, realignment_of
from alignfreeze.config import model_name
from alignfreeze.tracking.names import CELL, DROPPED, FINETUNE_STEPS
from alignfreeze.tracking.store import StoredRun

DONE = "done"
TO_DO = "to do"

_DATA_DECIDES = ("data", "finetune_epochs", "finetune_batch_size", "accumulation")
"""What decides with the task how many steps a fine-tuning takes that is not told."""


class Speeds:
    """Seconds per optimizer step in some runs, by model and what was trained.

    Evaluation and measurements after a phase are in them, so that they hold for phases of a
    like length.
    """

    def __init__(self, runs: Iterable[StoredRun]) -> None:
        self._seconds: dict[tuple[str, ...], list[float]] = defaultdict(list)
        self._steps: dict[tuple[str, ...], int] = {}
        for run in runs:
            if run.status != "FINISHED" or run.seconds is None:
                continue
            model, task = run.tags.get("model", ""), run.tags["task"]
            for phase, about in (("realign", run.tags["strategy"]), ("finetune", task)):
                steps = run.params.get(f"{phase}_steps", "")
                if run.name.startswith(phase) and steps.isdigit():
                    self._seconds[phase, model, about].append(run.seconds / int(steps))
                    self._seconds[phase, model].append(run.seconds / int(steps))
            if FINETUNE_STEPS in run.metrics:
                known_by = (task, *(run.params.get(name, "") for name in _DATA_DECIDES))
                self._steps[known_by] = int(run.metrics[FINETUNE_STEPS])

    def seconds(self, cell: Cell, phase: Literal["realign", "finetune"]) -> float | None:
        """Seconds of a cell's phase, with its evaluation; ``None`` if nothing like it is known."""
        config, about = cell.config, cell.task
        params = (str(getattr(config, name)) for name in _DATA_DECIDES)
        steps = config.finetune_steps or self._steps.get((cell.task, *params))
        if phase == "realign":
            steps, about = config.realign_steps or steps, config.strategy
        known = self._seconds
        found = known.get((phase, config.model, about)) or known.get((phase, config.model))
        return None if steps is None or not found else median(found) * steps


@dataclass(frozen=True)
class Plan:
    """A grid before it is begun, or gone on with.

    Attributes:
        cells: All of its cells, in the order in which they are done.
        done: The finished runs of those that are done, by identity.
        speeds: What is known of how long they take.
        workers: How many are done at a time.
        dropped: Those of these runs whose encoder was dropped.
    """

    cells: Sequence[Cell]
    done: Mapping[str, str]
    speeds: Speeds
    workers: int
    dropped: frozenset[str] = frozenset()

    @property
    def to_do(self) -> list[Cell]:
        """The cells that no finished run holds."""
        return [cell for cell in self.cells if cell.identity not in self.done]

    def table(self) -> Table:
        """The cells: a row for each model, task and strategy, a column for each seed."""
        seeds = list(dict.fromkeys(cell.config.seed for cell in self.cells))
        table = Table(title="Cells", title_justify="left")
        for column in ("model", "task", "strategy"):
            table.add_column(column, overflow="fold")
        for seed in seeds:
            table.add_column(f"seed {seed}", no_wrap=True)
        rows: dict[tuple[str, str, str], dict[int, str]] = {}
        for cell in self.cells:
            row = rows.setdefault((cell.config.model, cell.task, cell.strategy), {})
            row[cell.config.seed] = DONE if cell.identity in self.done else TO_DO
        before = ("", "")
        for (model, task, strategy), states in rows.items():
            if any(before) and (model, task) != before:
                table.add_section()
            shown = (
                "" if model == before[0] else model_name(model),
                "" if (model, task) == before else task,
            )
            table.add_row(*shown, strategy, *(states[seed] for seed in seeds))
            before = (model, task)
        return table

    def lines(self) -> list[str]:
        """What it comes to, in words."""
        to_do = self.to_do
        n_done = len(self.cells) - len(to_do)
        lines = [f"{len(self.cells)} cells: {n_done} done, {len(to_do)} to do"]
        wanted = {realignment_of(cell.config): cell for cell in to_do if cell.realigns}
        shared = [cell for cell in self.cells if cell.shares and cell.identity in self.done]
        gone = self.dropped
        done = {realignment_of(c.config) for c in shared if self.done[c.identity] not in gone}
        new = [cell for key, cell in wanted.items() if key not in done]
        realigning = [cell for cell in to_do if cell.realigns]
        if realigning:
            lines.append(f"{len(realigning)} of them realign: {len(new)} new encoder(s)")
            if taken_over := len(wanted) - len(new):
                lines[-1] += f", {taken_over} of done cells"
            if any(cell.shares for cell in realigning):
                lines[-1] += "; tasks share them"
        return [*lines, *self._estimate(to_do, new)] if to_do else lines

    def _estimate(self, to_do: Sequence[Cell], realigning: Sequence[Cell]) -> list[str]:
        """How long it takes, and what that leaves out."""
        estimates = [
            *((cell, f"on {cell.task}", self.speeds.seconds(cell, "finetune")) for cell in to_do),
            *((cell, "realigning", self.speeds.seconds(cell, "realign")) for cell in realigning),
        ]
        seconds = sum(found for _, _, found in estimates if found is not None)
        unknown = dict.fromkeys(
            f"{cell.config.model} {what}" for cell, what, found in estimates if found is None
        )
        lines = []
        if seconds:
            at_once = min(self.workers, len(to_do))
            whole = timedelta(seconds=math.ceil(seconds / at_once))
            lines.append(f"about {whole} (h:mm:ss) with {at_once} worker(s), as measured before")
        if unknown and not seconds:
            lines.append("no estimate: the store has no finished run that is like these")
        elif unknown:
            lines.append(f"not measured yet, so not in it: {', '.join(unknown)}")
        return lines


def make_plan(cells: Sequence[Cell], runs: Sequence[StoredRun], workers: int) -> Plan:
    """What the cells of a grid come to, given the runs of the store, the newest first."""
    known = {run.tags.get(CELL): run.run_id for run in reversed(runs) if run.status == "FINISHED"}
    done = {cell.identity: known[cell.identity] for cell in cells if cell.identity in known}
    dropped = frozenset(run.run_id for run in runs if DROPPED in run.tags)
    return Plan(cells, done, Speeds(runs), workers, dropped)
