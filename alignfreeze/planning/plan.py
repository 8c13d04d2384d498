"""What a run comes to: its phases, what each takes, what is taken over from finished runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from alignfreeze.planning.speeds import Estimate, time_lines, time_text

MEBIBYTE = 1024**2
GIBIBYTE = 1024**3


@dataclass(frozen=True)
class PlannedPhase:
    """A phase that a run would do.

    Attributes:
        strategy: Its strategy.
        name: ``realign``, or ``finetune-<task>``.
        steps: Optimizer steps.
        batch: Rows or pairs of a batch, and their subwords at most, for a person.
        taken_over: The finished run that it would be taken over from; ``None``: it would be done.
        memory: Bytes that training takes at most, beside the libraries.
        seconds: How long it takes, by runs before; ``None`` where nothing like it is known.
        on_way: Whether another realignment, of more steps, leaves its encoder on the way.
    """

    strategy: str
    name: str
    steps: int
    batch: str
    taken_over: str | None
    memory: int
    seconds: float | None
    on_way: bool = False

    @property
    def state(self) -> str:
        """What is to be done about it, for a person."""
        if self.taken_over is not None:
            return "taken over"
        return "on the way" if self.on_way else "to do"


@dataclass(frozen=True)
class RunPlan:
    """A run before it is begun.

    Attributes:
        phases: What it would do, in this order.
        sizes: What its data comes to, lines for a person.
        device: Where it would train, such as ``cpu, fp32``.
    """

    phases: Sequence[PlannedPhase]
    sizes: Sequence[str]
    device: str

    @property
    def to_do(self) -> list[PlannedPhase]:
        """The phases that no finished run holds, and no other phase leaves on its way."""
        return [p for p in self.phases if p.taken_over is None and not p.on_way]

    def table(self) -> Table:
        """The phases, a row each."""
        table = Table(title="Phases", title_justify="left")
        table.add_column("strategy", overflow="fold")
        for column in ("phase", "state"):
            table.add_column(column, no_wrap=True)
        for column in ("steps", "memory", "h:mm:ss", "batch ×\nsubwords"):
            table.add_column(column, justify="right", no_wrap=True)
        for phase in self.phases:
            to_do = phase in self.to_do
            table.add_row(
                phase.strategy,
                phase.name,
                phase.state,
                f"{phase.steps:,}",
                size_text(phase.memory) if to_do else "",
                time_text(phase.seconds) if to_do and phase.seconds is not None else "",
                phase.batch,
            )
        return table

    def lines(self) -> list[str]:
        """What it comes to, in words."""
        to_do = self.to_do
        n_done = sum(phase.taken_over is not None for phase in self.phases)
        on_way = len(self.phases) - n_done - len(to_do)
        left = f", {on_way} on the way of another" if on_way else ""
        lines = [
            *self.sizes,
            f"{len(self.phases)} phase(s): {n_done} taken over, {len(to_do)} to do{left}",
            *(
                f"{phase.strategy} {phase.name}: taken over from run {phase.taken_over}"
                for phase in self.phases
                if phase.taken_over is not None
            ),
        ]
        if not to_do:
            return lines
        most = size_text(max(phase.memory for phase in to_do))
        lines.append(
            f"at most {most} of memory at a time on {self.device}: weights, gradients, Adam's "
            "moments and a batch of the longest rows; the libraries come on top"
        )
        estimates = [Estimate(f"{phase.strategy} {phase.name}", phase.seconds) for phase in to_do]
        return [*lines, *time_lines(estimates, at_once=1)]


def size_text(size: int) -> str:
    """Bytes for a person: ``812 MiB``, ``2.1 GiB``."""
    return f"{size / MEBIBYTE:.0f} MiB" if size < GIBIBYTE else f"{size / GIBIBYTE:.1f} GiB"
