"""Realignment as a part of a fine-tuning phase: in all of its steps, or after them."""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from accelerate.utils import set_seed

from alignfreeze.base.digests import hash_of
from alignfreeze.base.paths import cache_root
from alignfreeze.evaluation.joint import DuringRealignment
from alignfreeze.realignment.phase import realign
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.runs.inputs import parallel_inputs
from alignfreeze.runs.known_realignments import KnownRealignments
from alignfreeze.runs.records import log_pairs, tell_words
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import names
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.checkpoints import CheckpointFolder, LossRecord
from alignfreeze.training.milestones import Milestones, TrainingResult

if TYPE_CHECKING:
    from transformers import PreTrainedModel

When = Literal["before", "during", "after"]


class RealigningWithin(KnownRealignments):
    """Realigns what is being fine-tuned, or has been, in the run of the fine-tuning."""

    def realigns(self, choice: StrategyChoice, when: When) -> bool:
        """Whether a strategy realigns at a time."""
        return choice.strategy.realigns and self.config.realigns(when)

    def realigns_within(self, choice: StrategyChoice) -> bool:
        """Whether a fine-tuning realigns, beside or after what it is."""
        return self.realigns(choice, "during") or self.realigns(choice, "after")

    def within_identity(
        self, choice: StrategyChoice, *, finetune_steps: int, realign_steps: int
    ) -> dict[str, Any]:
        """What a fine-tuning depends on that realigns: all that the realignment does.

        Nothing, where it does not, whatever the options of a realignment say.
        """
        if self.realigns(choice, "during"):
            found = [self.way_identity(choice, finetune_steps), self.config.realign_weight]
            return {"realigned during": found}
        if self.realigns(choice, "after"):
            return {"realigned after": self.realign_identity(choice, realign_steps)}
        return {}

    def during(
        self, run: TrackedRun, choice: StrategyChoice, steps: int
    ) -> DuringRealignment | None:
        """What a fine-tuning of so many steps realigns in each; ``None`` if nothing."""
        if not self.realigns(choice, "during"):
            return None
        preparation, config = self.preparation, self.config
        assert choice.freezing is not None, "a preparation has checked it"
        run.inputs(parallel_inputs(preparation))
        log_pairs(run, preparation.corpora, config, steps * self.accelerator.num_processes)
        return DuringRealignment(
            tokenizer=preparation.tokenizer,
            corpora=preparation.corpora,
            freezing=choice.freezing,
            objective=preparation.objective.objective,
            remembered=preparation.encoded_pairs[config.realign_max_length],
            on_loss=partial(_log_loss, run),
            on_words=partial(tell_words, "parallel text"),
        )

    def realign_after(
        self,
        run: TrackedRun,
        choice: StrategyChoice,
        model: "PreTrainedModel",
        checkpoints: CheckpointFolder,
        *,
        steps: int,
        milestones: Milestones,
    ) -> TrainingResult:
        """Realign a fine-tuned model's encoder in place; its head stays as it is.

        Args:
            run: That of the fine-tuning.
            choice: How.
            model: With its head.
            checkpoints: The fine-tuning's.
            steps: Optimizer steps.
            milestones: What to do on the way.
        """
        preparation, accelerator = self.preparation, self.accelerator
        config = self.applied(choice, steps)
        assert choice.freezing is not None, "a preparation has checked it"
        run.inputs(parallel_inputs(preparation))
        log_pairs(run, preparation.corpora, config, steps * accelerator.num_processes)
        set_seed(config.seed, device_specific=True)
        folder = hash_of([checkpoints.root.name, "realigned after"])
        return realign(
            cast("PreTrainedModel", model.base_model),
            preparation.tokenizer,
            preparation.corpora,
            choice.freezing,
            preparation.objective.objective,
            config,
            steps=steps,
            accelerator=accelerator,
            checkpoints=checkpoints.next(checkpoints.root.with_name(folder)),
            on_loss=partial(_log_loss, run),
            on_words=partial(tell_words, "parallel text"),
            remembered=preparation.encoded_pairs[config.realign_max_length],
            # Its own: others are of the pretrained encoder.
            prefixes=PrefixCache(config.prefix_memory, cache_root() / "prefixes"),
            milestones=milestones,
        )


def _log_loss(run: TrackedRun, record: LossRecord) -> None:
    run.metric(names.REALIGN_LOSS, record.loss, record.step)
