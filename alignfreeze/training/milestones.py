"""What training has to tell, in the end or at steps on the way."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from alignfreeze.training.checkpoints import LossRecord


@dataclass(frozen=True)
class TrainingResult:
    """What training has to tell: the mean loss of every few steps, and its speed.

    That is in rows, or pairs, a second, over all processes. In empty steps, without a term in their
    loss, nothing was learnt. Of a loss beside, its own speed; ``None`` where there is none.
    """

    losses: list[LossRecord]
    per_second: float
    empty_steps: int
    beside_per_second: float | None = None


@dataclass(frozen=True)
class Milestones:
    """Optimizer steps, counted from 1, and what is called after each of them.

    It is given the number of the step, and what training would tell had it ended there. The model
    is in evaluation mode then, random numbers go on as if nothing had been called, and an exception
    ends the training. Steps before a checkpoint that training goes on from are not reached again.
    """

    steps: Collection[int] = ()
    reached: Callable[[int, TrainingResult], None] = lambda step, result: None

    def within(self, *contexts: Callable[[], AbstractContextManager[None]]) -> "Milestones":
        """The same, done within contexts that are entered in turn, such as of a whole encoder."""

        def reached(step: int, result: TrainingResult) -> None:
            with ExitStack() as entered:
                for context in contexts:
                    entered.enter_context(context())
                self.reached(step, result)

        return replace(self, reached=reached)


NO_MILESTONES = Milestones()
