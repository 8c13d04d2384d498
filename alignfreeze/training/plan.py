"""How long and how to train."""

from dataclasses import dataclass

AHEAD = 32
"""Optimizer steps whose batches may be made before they are taken: those of half a buffer of
sentence pairs, which is tokenized meanwhile."""


@dataclass(frozen=True)
class Beside:
    """Another loss that every step minimises too: its mean over its own terms, times a weight.

    Batches of both come in turn, one of this first; the unit is what one of these is counted in.
    """

    name: str
    unit: str
    weight: float


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how to train: so many optimizer steps, with checkpoints in between.

    The learning rate rises for some steps of warm-up, to fall to 0 at the end; without any
    (``None``) it is constant. A step takes as many batches as are accumulated, in each process. The
    phase and the unit, what a batch is counted in, are for the progress bar. A thread makes the
    batches of so many steps ahead; 0: they are made when they are taken. With ``keep_state`` a
    checkpoint is left after the last step, for a training of more steps. Another loss may be
    minimised beside.
    """

    phase: str
    unit: str
    steps: int
    learning_rate: float
    warmup_steps: int | None
    accumulation: int
    checkpoint_steps: int
    ahead: int = AHEAD
    keep_state: bool = False
    beside: Beside | None = None

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights of the losses, in the order in which their batches come; its own is last."""
        return (1.0,) if self.beside is None else (self.beside.weight, 1.0)
