"""What a grid comes to: its cells, what is done of them, what they share, how long it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from alignfreeze.benchmark.cells import Cell, realignment_of
from alignfreeze.benchmark.training import (
    Training,
    arithmetic_lines,
    longest,
    step_lines,
    steps_table,
    trainings,
)
from alignfreeze.config import model_name
from alignfreeze.planning.speeds import Estimate, Speeds, time_lines
from alignfreeze.tracking.names import CELL, DROPPED, WANTED_BY
from alignfreeze.tracking.store import StoredRun

DONE = "done"
TO_DO = "to do"


@dataclass(frozen=True)
class Plan:
    """A grid before it is begun, or gone on with.

    Attributes:
        cells: All of its cells, in the order in which they are done.
        done: The finished runs of those that are done, by identity.
        speeds: What is known of how long they take.
        workers: How many are done at a time.
        dropped: Those of these runs whose encoder was dropped.
        left: The cells that a realignment has left an encoder for on its way, by identity.
        assumed: Models whose layers are those that were published; in a dry run alone.
    """

    cells: Sequence[Cell]
    done: Mapping[str, str]
    speeds: Speeds
    workers: int
    dropped: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    assumed: Sequence[str] = ()

    @property
    def to_do(self) -> list[Cell]:
        """The cells that no finished run holds."""
        return [cell for cell in self.cells if cell.identity not in self.done]

    def table(self) -> Table:
        """The cells: a row for each model, task and variant, a column for each seed."""
        seeds = list(dict.fromkeys(cell.config.seed for cell in self.cells))
        table = Table(title="Cells", title_justify="left")
        for column in ("model", "task", "strategy"):
            table.add_column(column, overflow="fold")
        for seed in seeds:
            table.add_column(f"seed {seed}", no_wrap=True)
        rows: dict[tuple[str, str, str], dict[int, str]] = {}
        for cell in self.cells:
            row = rows.setdefault((cell.config.model, cell.task, cell.variant), {})
            row[cell.config.seed] = DONE if cell.identity in self.done else TO_DO
        before = ("", "")
        for (model, task, variant), states in rows.items():
            if any(before) and (model, task) != before:
                table.add_section()
            shown = (
                "" if model == before[0] else model_name(model),
                "" if (model, task) == before else task,
            )
            table.add_row(*shown, variant, *(states[seed] for seed in seeds))
            before = (model, task)
        return table

    def lines(self) -> list[str]:
        """What it comes to, in words."""
        to_do = self.to_do
        n_done = len(self.cells) - len(to_do)
        lines = [f"{len(self.cells)} cells: {n_done} done, {len(to_do)} to do"]
        wanted, new, trained = self._wanted(), self._new_encoders(), self._realignments()
        before = [cell for cell in to_do if cell.realigns_before]
        if before:
            lines.append(f"{len(before)} of them realign: {len(new)} new encoder(s)")
            if taken_over := len(wanted) - len(new):
                lines[-1] += f", {taken_over} of done cells"
            if on_way := len(new) - len(trained):
                lines[-1] += f", {on_way} of them on the way to another"
            if any(cell.shares for cell in before):
                lines[-1] += "; cells share them"
        if within := [cell for cell in to_do if cell.realigns_within]:
            lines.append(f"{len(within)} of them realign during their fine-tuning, or after it")
        if self.assumed:
            lines.append(
                f"layers of {', '.join(self.assumed)} are those that were published: "
                "config.json cannot be had here"
            )
        if not to_do:
            return lines
        training = self._training()
        estimate = self._estimate(to_do, trained)
        return [*lines, *step_lines(training), *estimate, *arithmetic_lines(training)]

    def steps_table(self) -> Table:
        """Optimizer steps of what is to be done: a row for each model and task."""
        return steps_table(self._training())

    def _training(self) -> list[Training]:
        return trainings(self.to_do, self._realignments(), self.speeds)

    def _wanted(self) -> dict[str, Cell]:
        """The first cell of each realignment that the cells to do need, by what it is."""
        return {realignment_of(cell.config): cell for cell in self.to_do if cell.realigns_before}

    def _realignments(self) -> list[Cell]:
        """Those of them whose realignment is computed: of each trajectory the longest."""
        return longest(self._new_encoders(), self.speeds)

    def _new_encoders(self) -> list[Cell]:
        """The same without those that done cells, or other realignments, have left."""
        shared = [cell for cell in self.cells if cell.shares and cell.identity in self.done]
        gone = self.dropped
        done = {realignment_of(c.config) for c in shared if self.done[c.identity] not in gone}
        left = {realignment_of(c.config) for c in self.cells if c.identity in self.left}
        return [cell for key, cell in self._wanted().items() if key not in done | left]

    def _estimate(self, to_do: Sequence[Cell], realigning: Sequence[Cell]) -> list[str]:
        """How long it takes, and what that leaves out."""
        speeds = self.speeds
        estimates = [
            *((c, f"on {c.task}", speeds.seconds(c.config, "finetune", c.task)) for c in to_do),
            *((c, "realigning", speeds.seconds(c.config, "realign", c.task)) for c in realigning),
        ]
        at_once = min(self.workers, len(to_do))
        return time_lines(
            [Estimate(f"{cell.config.model} {what}", found) for cell, what, found in estimates],
            at_once,
            f" with {at_once} worker(s)",
        )


def make_plan(cells: Sequence[Cell], runs: Sequence[StoredRun], workers: int) -> Plan:
    """What the cells of a grid come to, given the runs of the store, the newest first."""
    known = {run.tags.get(CELL): run.run_id for run in reversed(runs) if run.status == "FINISHED"}
    done = {cell.identity: known[cell.identity] for cell in cells if cell.identity in known}
    dropped = frozenset(run.run_id for run in runs if DROPPED in run.tags)
    there = (r for r in runs if r.status == "FINISHED" and r.run_id not in dropped)
    left = frozenset(cell for r in there for cell in r.tags.get(WANTED_BY, "").split(","))
    return Plan(cells, done, Speeds(runs), workers, dropped, left)
