"""The phases of a run, each an MLflow run of its own, or taken over from a finished one."""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import set_seed

from alignfreeze import __version__
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.config import model_name
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.scores import Score
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.messages import shown
from alignfreeze.realignment.phase import realign
from alignfreeze.runs.finetune_phase import FinetunePhases
from alignfreeze.runs.identity import REALIGN_FIELDS
from alignfreeze.runs.inputs import parallel_inputs
from alignfreeze.runs.phase_runs import EVERYTHING, Scope
from alignfreeze.runs.predictions import tell_unkept
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.provenance import Provenance, fault_of, write_provenance
from alignfreeze.runs.realigned import ENCODER_FOLDER, RealignedEncoder
from alignfreeze.runs.records import log_pairs, log_result, log_words
from alignfreeze.runs.saving import registered, save_model
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import location, names, store
from alignfreeze.tracking.names import Kind
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.devices import device_text, precision_of
from alignfreeze.training.distributed import on_every_machine

logger = logging.getLogger(__name__)


class Phases(FinetunePhases):
    """Runs phases for a preparation, below a parent run: realigns by each strategy once."""

    def __init__(
        self,
        preparation: Preparation,
        accelerator: Accelerator,
        parent: TrackedRun,
        folder: Path,
        scope: Scope = EVERYTHING,
    ) -> None:
        super().__init__(preparation, accelerator, parent, folder, scope)
        self._encoders: dict[str, RealignedEncoder] = {}
        if self.config.register_encoder and not preparation.strategies[-1].strategy.realigns:
            raise ConfigError(
                "register_encoder needs a strategy that realigns, got "
                f"{shown(preparation.strategies[-1].name)}"
            )

    def encoder(self, choice: StrategyChoice, data: TaskData) -> RealignedEncoder:
        """What is fine-tuned on a task: the pretrained encoder, realigned if the strategy does."""
        if not choice.strategy.realigns:
            return self.pretrained()
        return self.realign(choice, self.realign_steps(data))

    def pretrained(self) -> RealignedEncoder:
        """The encoder as it is before realignment."""
        return RealignedEncoder(self.preparation.model, self.preparation.model_identity)

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
            found = self.on_main(lambda: self.finished_encoder(identity, choice))
            if found is not None:
                self.say_reused("realignment", choice, str(found.run_id))
            made = found or self._realign(choice, steps, identity)
            self._register_encoder(made, choice, steps)
            place = on_every_machine(self.accelerator, Path(made.path), self.folder / identity)
            self._encoders[identity] = replace(made, path=str(place))
        return self._encoders[identity]

    def _realigns_several(self) -> bool:
        """Whether tasks take different numbers of steps, and so have encoders of their own."""
        return len({self.realign_steps(data) for data in self.preparation.tasks}) > 1

    def _register_encoder(
        self, encoder: RealignedEncoder, choice: StrategyChoice, steps: int
    ) -> None:
        config = self.config
        asked = config.register_encoder if choice.main else ""
        if not (asked and encoder.run_id and self.accelerator.is_main_process):
            return
        told = f"{model_name(config.model)}, {choice.name}, {steps} steps, seed {config.seed}"
        part = str(steps) if self._realigns_several() else ""
        self.said.append(registered(encoder.run_id, ENCODER_FOLDER, asked, part, told))

    def known_scores(self, choice: StrategyChoice, data: TaskData) -> list[Score] | None:
        """The scores after realigning and fine-tuning, if a finished run of the store has them.

        Then there is nothing to realign, whether the encoder is still there or not.
        """
        encoder = self.pretrained()
        if choice.strategy.realigns:
            identity = self.realign_identity(choice, self.realign_steps(data))
            encoder = RealignedEncoder("", identity)
        found = self.on_main(partial(self._finished_scores, self._scored(encoder, data)))
        if found is None:
            return None
        self.say_reused(f"fine-tuning on {data.name}", choice, found[0].run_id)
        tell_unkept(self, found[0].run_id, data)
        return found[1]

    def known_baseline(self, data: TaskData) -> list[Score] | None:
        """The scores without realignment, if a finished run of the store has them."""
        scored = self._scored(self.pretrained(), data)
        found = self.on_main(partial(self._finished_scores, scored))
        return None if found is None else found[1]

    def finished_encoder(self, identity: str, choice: StrategyChoice) -> RealignedEncoder | None:
        """The encoder of a finished run; none if it is no longer as that run has left it."""
        run = store.finished_run(identity) if self.config.reuse else None
        if run is None:
            return None
        path = location.artifact_path(run.run_id, ENCODER_FOLDER, self.folder)
        if path is None or (fault := fault_of(path, identity)):
            logger.warning(
                "the encoder of the finished run %s cannot be taken over, so it is realigned "
                "again: %s",
                *(run.run_id, fault if path else "it is gone"),
            )
            return None
        if not self.measures.take_over(choice.name, run):
            return None
        return RealignedEncoder(str(path), identity, run.run_id)

    def _realign(self, choice: StrategyChoice, steps: int, identity: str) -> RealignedEncoder:
        preparation, accelerator = self.preparation, self.accelerator
        assert choice.freezing is not None, "a preparation has checked it"
        config = self.applied(choice, steps)
        path = self.folder / identity / ENCODER_FOLDER
        begun = self.begun(
            names.REALIGN_RUN_NAME,
            Kind.REALIGNMENT,
            config=config,
            choice=choice,
            identity=identity,
        )
        with begun as (run, checkpoints):
            run.tags({names.REALIGN_HASH: identity})
            run.inputs(parallel_inputs(preparation))
            set_seed(config.seed, device_specific=True)
            encoder = load_encoder(preparation.model)
            self.require_room(run, encoder, kept=self.scope.keep_encoders)
            result = realign(
                encoder,
                preparation.tokenizer,
                preparation.corpora,
                choice.freezing,
                config,
                steps=steps,
                accelerator=accelerator,
                checkpoints=checkpoints,
                on_loss=lambda at: run.metric(names.REALIGN_LOSS, at.loss, at.step),
                on_words=partial(log_words, run, "parallel text"),
                remembered=preparation.encoded_pairs[config.realign_max_length],
                prefixes=preparation.prefixes,
            )
            log_result(run, result, names.REALIGN_RATE)
            log_pairs(run, preparation.corpora, config, steps * accelerator.num_processes)
            stage = names.realigned_stage(steps, one_of_several=self._realigns_several())
            self.measures.measure(run, choice.name, encoder, stage)
            if accelerator.is_main_process and not self.scope.keep_encoders:
                save(encoder, preparation.tokenizer, path)
            if self.scope.keep_encoders:
                if run.run_id is not None:
                    save_model(encoder, preparation.tokenizer, path, config)
                    made = Provenance(
                        options=config,
                        usual=choice.usual,
                        said=choice.said,
                        identity=identity,
                        run_id=run.run_id,
                        model_identity=preparation.pretrained_identity,
                        precision=precision_of(accelerator),
                        processes=accelerator.num_processes,
                        parallel_hash=preparation.parallel_hash,
                        version=__version__,
                        code=code_digest(),
                        libraries=versions_text(library_versions()),
                        device=device_text(accelerator),
                    )
                    write_provenance(path, made)
                run.artifacts(path, ENCODER_FOLDER)
                run.finished_as(identity)
        return RealignedEncoder(str(path), identity, run.run_id)
