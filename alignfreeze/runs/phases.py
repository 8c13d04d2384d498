"""The phases of a run, each an MLflow run of its own, or taken over from a finished one."""

from functools import cached_property

from alignfreeze.config import BASELINE
from alignfreeze.evaluation.finetuning import steps_of_epochs
from alignfreeze.evaluation.scores import Score
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.finetune_phase import EarlyLook, FinetunePhase
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.runs.realign_phase import RealignPhase
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking.names import realigned_stage


class Phases(PhaseRuns):
    """Runs phases for a preparation, below a parent run."""

    @cached_property
    def _realignment(self) -> RealignPhase:
        return RealignPhase(self)

    @cached_property
    def _finetuning(self) -> FinetunePhase:
        return FinetunePhase(self)

    def pretrained(self) -> RealignedEncoder:
        """The encoder as it is before realignment."""
        return RealignedEncoder(self.preparation.model, self.preparation.model_identity, BASELINE)

    def finetune_steps(self, data: TaskData) -> int:
        """Optimizer steps of a task's fine-tuning."""
        n_processes = self.accelerator.num_processes
        return self.config.finetune_steps or steps_of_epochs(
            self.config, data.task.epochs, len(data.training_features), n_processes
        )

    def realign_steps(self, data: TaskData) -> int:
        """Optimizer steps of realignment: as given, else as many as the fine-tuning's."""
        return self.config.realign_steps or self.finetune_steps(data)

    def realign(self, choice: StrategyChoice, steps: int) -> RealignedEncoder:
        """The encoder after realignment, computed now or before."""
        several = len({self.realign_steps(data) for data in self.preparation.tasks}) > 1
        stage = realigned_stage(steps, one_of_several=several)
        return self._realignment.encoder(choice, steps, stage)

    def finetune(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        early: EarlyLook | None = None,
    ) -> list[Score]:
        """The scores after fine-tuning an encoder on a task, computed now or before."""
        args = data.task.model_dump(mode="json", exclude_defaults=True)
        decided = {
            "task": (data.name,),
            "task_args": {data.name: args},
            "finetune_steps": self.finetune_steps(data),
            "languages": data.targets,
        }
        applied = self.applied(choice, self.realign_steps(data))
        config = applied.model_copy(update=decided)
        return self._finetuning.scores(encoder, choice, data, config, early)

    def known_scores(self, choice: StrategyChoice, data: TaskData) -> list[Score] | None:
        """The scores after realigning and fine-tuning, if a finished run of the store has them.

        Then there is nothing to realign, whether the encoder is still there or not.
        """
        encoder = self.pretrained()
        if choice.strategy.realigns:
            identity = self._realignment.identity(choice, self.realign_steps(data))
            encoder = RealignedEncoder("", identity, choice.name)
        found = self._finetuning.known(encoder, data, self.finetune_steps(data))
        if found is None:
            return None
        self.say_reused(f"fine-tuning on {data.name}", choice, found[0])
        return found[1]

    def known_baseline(self, data: TaskData) -> list[Score] | None:
        """The scores without realignment, if a finished run of the store has them."""
        found = self._finetuning.known(self.pretrained(), data, self.finetune_steps(data))
        return None if found is None else found[1]
