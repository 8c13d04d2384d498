"""The phases of a run, each an MLflow run of its own, or taken over from a finished one."""

import logging
from functools import cached_property, partial

from accelerate.utils import set_seed

from alignfreeze import __version__
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.modelfiles import save
from alignfreeze.evaluation.finetuning import steps_of_epochs
from alignfreeze.evaluation.scores import Score
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.realignment.phase import realign
from alignfreeze.runs.finetune_phase import EarlyLook, FinetunePhase
from alignfreeze.runs.identity import REALIGN_FIELDS
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.runs.provenance import Provenance, fault_of, write_provenance
from alignfreeze.runs.realigned import ENCODER_FOLDER, RealignedEncoder
from alignfreeze.runs.records import log_losses, log_result, log_words
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import names, store

logger = logging.getLogger(__name__)


class Phases(PhaseRuns):
    """Runs phases for a preparation, below a parent run: realigns by each strategy once."""

    @cached_property
    def _encoders(self) -> dict[str, RealignedEncoder]:
        return {}

    @cached_property
    def finetuning(self) -> FinetunePhase:
        """The phases of fine-tuning."""
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

    def realign_identity(self, choice: StrategyChoice, steps: int) -> str:
        """The hash of everything that a realigned encoder depends on."""
        dependencies = {
            "phase": "realign",
            "model": self.preparation.model_identity,
            "strategy": choice.identity,
            "corpora": [corpus.fingerprint for corpus in self.preparation.corpora],
            "steps": steps,
        }
        return self.identity(REALIGN_FIELDS, dependencies)

    def realign(self, choice: StrategyChoice, steps: int) -> RealignedEncoder:
        """The encoder after realignment, computed now or before."""
        identity = self.realign_identity(choice, steps)
        if identity not in self._encoders:
            found = self.on_main(lambda: self._finished(identity, choice))
            self._encoders[identity] = found or self._realign(choice, steps, identity)
        return self._encoders[identity]

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
        return self.finetuning.scores(encoder, choice, data, config, early)

    def known_scores(self, choice: StrategyChoice, data: TaskData) -> list[Score] | None:
        """The scores after realigning and fine-tuning, if a finished run of the store has them.

        Then there is nothing to realign, whether the encoder is still there or not.
        """
        encoder = self.pretrained()
        if choice.strategy.realigns:
            identity = self.realign_identity(choice, self.realign_steps(data))
            encoder = RealignedEncoder("", identity, choice.name)
        found = self.finetuning.known(encoder, data, self.finetune_steps(data))
        if found is None:
            return None
        self.say_reused(f"fine-tuning on {data.name}", choice, found[0])
        return found[1]

    def known_baseline(self, data: TaskData) -> list[Score] | None:
        """The scores without realignment, if a finished run of the store has them."""
        found = self.finetuning.known(self.pretrained(), data, self.finetune_steps(data))
        return None if found is None else found[1]

    def _finished(self, identity: str, choice: StrategyChoice) -> RealignedEncoder | None:
        """The encoder of a finished run; none if it is no longer as that run has left it."""
        run = store.finished_run(identity) if self.config.reuse else None
        if run is None:
            return None
        path = store.artifact_path(run.info.run_id, ENCODER_FOLDER)
        if path is None or (fault := fault_of(path, identity)):
            logger.warning(
                "the encoder of the finished run %s cannot be taken over, so it is realigned "
                "again: %s",
                *(run.info.run_id, fault if path else "it is gone"),
            )
            return None
        if not self.measures.take_over(choice.name, run.info.run_id):
            return None
        self.say_reused("realignment", choice, run.info.run_id)
        return RealignedEncoder(str(path), identity, choice.name, run.info.run_id)

    def _realign(self, choice: StrategyChoice, steps: int, identity: str) -> RealignedEncoder:
        preparation = self.preparation
        assert choice.freezing is not None, "a preparation has checked it"
        config = self.applied(choice, steps)
        with self.begun(names.REALIGN_RUN_NAME, config, choice) as run:
            run.tags({names.REALIGN_HASH: identity})
            set_seed(config.seed, device_specific=True)
            encoder = load_encoder(preparation.model)
            checkpoints = self.checkpoints(identity, run)
            result = realign(
                encoder,
                preparation.tokenizer,
                preparation.corpora,
                choice.freezing,
                config,
                steps=steps,
                accelerator=self.accelerator,
                checkpoints=checkpoints,
                on_loss=log_losses(run, names.REALIGN_LOSS),
                on_words=partial(log_words, run, "parallel text"),
                remembered=preparation.encoded_pairs[config.realign_max_length],
                prefixes=preparation.prefixes,
            )
            log_result(run, result, names.REALIGN_RATE)
            several = len({self.realign_steps(data) for data in preparation.tasks}) > 1
            stage = names.realigned_stage(steps, one_of_several=several)
            self.measures.measure(run, choice.name, encoder, stage)
            path = self.folder / identity / ENCODER_FOLDER
            if self.accelerator.is_main_process:
                save(encoder, preparation.tokenizer, path)
            if self.scope.keep_encoders:
                if run.run_id is not None:
                    made = self._provenance(config, choice, identity, run.run_id)
                    write_provenance(path, made)
                run.artifacts(path, ENCODER_FOLDER)
                run.finished_as(identity)
        self.drop(checkpoints)
        return RealignedEncoder(str(path), identity, choice.name, run.run_id)

    def _provenance(
        self, config: RunConfig, choice: StrategyChoice, identity: str, run_id: str
    ) -> Provenance:
        preparation, accelerator = self.preparation, self.accelerator
        return Provenance(
            options=config,
            usual=choice.usual,
            said=choice.said,
            identity=identity,
            run_id=run_id,
            model_identity=preparation.pretrained_identity,
            precision=accelerator.mixed_precision,
            processes=accelerator.num_processes,
            parallel_hash=preparation.parallel_hash,
            version=__version__,
            code=code_digest(),
            libraries=versions_text(library_versions()),
        )
