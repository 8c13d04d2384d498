"""The phases of a run, each an MLflow run of its own, or taken over from a finished one."""

from functools import partial
from pathlib import Path

from accelerate import Accelerator

from alignfreeze.config import BASELINE
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.scores import Score
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.messages import shown
from alignfreeze.runs.phase_runs import EVERYTHING, Scope
from alignfreeze.runs.predictions import tell_unkept
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.realign_phase import NOBODY, Others, RealignPhases
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices
from alignfreeze.tracking.runs import TrackedRun


class Phases(RealignPhases):
    """Runs phases for a preparation, below a parent run."""

    def __init__(
        self,
        preparation: Preparation,
        accelerator: Accelerator,
        parent: TrackedRun,
        folder: Path,
        scope: Scope = EVERYTHING,
    ) -> None:
        super().__init__(preparation, accelerator, parent, folder, scope)
        if self.config.register_encoder and not preparation.strategies[-1].strategy.realigns:
            raise ConfigError(
                "register_encoder needs a strategy that realigns, got "
                f"{shown(preparation.strategies[-1].name)}"
            )

    def encoder(
        self, choice: StrategyChoice, data: TaskData, also: Others = NOBODY
    ) -> RealignedEncoder:
        """What is fine-tuned on a task: the pretrained encoder, realigned if that is before.

        Others may want encoders on its way, or further on.
        """
        if not self.realigns(choice, "before"):
            return self.pretrained()
        return self.realign(choice, self.realign_steps(data), also)

    def pretrained(self) -> RealignedEncoder:
        """The encoder as it is before realignment."""
        return RealignedEncoder(self.preparation.model, self.preparation.model_identity)

    def known_scores(self, choice: StrategyChoice, data: TaskData) -> list[Score] | None:
        """The scores after realigning and fine-tuning, if a finished run of the store has them.

        Then there is nothing to realign, whether the encoder is still there or not.
        """
        encoder = self.pretrained()
        if self.realigns(choice, "before"):
            identity = self.realign_identity(choice, self.realign_steps(data))
            encoder = RealignedEncoder("", identity)
        scored = self._scored(encoder, choice, data)
        found = self.on_main(partial(self._finished_scores, scored))
        if found is None:
            return None
        self.say_reused(f"fine-tuning on {data.name}", choice, found[0].run_id)
        tell_unkept(self, found[0].run_id, data)
        return found[1]

    def known_baseline(self, data: TaskData) -> list[Score] | None:
        """The scores without realignment, if a finished run of the store has them."""
        asked = {"strategy": BASELINE, "strategy_args": {}, "compare": ()}
        config = self.config.model_copy(update=asked)
        (choice,) = strategy_choices(config, self.preparation.n_layers)
        scored = self._scored(self.pretrained(), choice, data)
        found = self.on_main(partial(self._finished_scores, scored))
        return None if found is None else found[1]
