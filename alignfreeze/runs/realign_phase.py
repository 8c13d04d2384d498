"""The realignment of a run's encoder, as an MLflow run of its own or taken over from one."""

import logging
from functools import partial

from accelerate.utils import set_seed

from alignfreeze import __version__
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.config import RunConfig
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.modelfiles import save
from alignfreeze.realignment.phase import realign
from alignfreeze.runs.identity import REALIGN_FIELDS
from alignfreeze.runs.phase_runs import PhaseRuns
from alignfreeze.runs.provenance import Provenance, fault_of, write_provenance
from alignfreeze.runs.realigned import ENCODER_FOLDER, RealignedEncoder
from alignfreeze.runs.records import log_losses, log_result, log_words
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import names, store

logger = logging.getLogger(__name__)


class RealignPhase:
    """Realigns a run's encoder by one strategy after the other, each once.

    Args:
        runs: What the phases of the run share.
    """

    def __init__(self, runs: PhaseRuns) -> None:
        self._runs = runs
        self._encoders: dict[str, RealignedEncoder] = {}

    def identity(self, choice: StrategyChoice, steps: int) -> str:
        """The hash of everything that the realigned encoder depends on."""
        preparation = self._runs.preparation
        dependencies = {
            "phase": "realign",
            "model": preparation.model_identity,
            "strategy": choice.identity,
            "corpora": [corpus.fingerprint for corpus in preparation.corpora],
            "steps": steps,
        }
        return self._runs.identity(REALIGN_FIELDS, dependencies)

    def encoder(self, choice: StrategyChoice, steps: int, stage: str) -> RealignedEncoder:
        """The encoder after realignment, computed now or before.

        Args:
            choice: The strategy, checked.
            steps: Optimizer steps.
            stage: What measurements call the encoder.
        """
        identity = self.identity(choice, steps)
        if identity not in self._encoders:
            found = self._runs.on_main(lambda: self._finished(identity, choice))
            self._encoders[identity] = found or self._realign(choice, steps, identity, stage)
        return self._encoders[identity]

    def _finished(self, identity: str, choice: StrategyChoice) -> RealignedEncoder | None:
        """The encoder of a finished run; none if it is no longer as that run has left it."""
        run = store.finished_run(identity) if self._runs.config.reuse else None
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
        if not self._runs.measures.take_over(choice.name, run.info.run_id):
            return None
        self._runs.say_reused("realignment", choice, run.info.run_id)
        return RealignedEncoder(str(path), identity, choice.name, run.info.run_id)

    def _realign(
        self, choice: StrategyChoice, steps: int, identity: str, stage: str
    ) -> RealignedEncoder:
        runs, preparation = self._runs, self._runs.preparation
        assert choice.freezing is not None, "a preparation has checked it"
        config = runs.applied(choice, steps)
        with runs.begun(names.REALIGN_RUN_NAME, config, choice) as run:
            run.tags({names.REALIGN_HASH: identity})
            set_seed(config.seed, device_specific=True)
            encoder = load_encoder(preparation.model)
            checkpoints = runs.checkpoints(identity, run)
            result = realign(
                encoder,
                preparation.tokenizer,
                preparation.corpora,
                choice.freezing,
                config,
                steps=steps,
                accelerator=runs.accelerator,
                checkpoints=checkpoints,
                on_loss=log_losses(run, names.REALIGN_LOSS),
                on_words=partial(log_words, run, "parallel text"),
                remembered=preparation.encoded_pairs[config.realign_max_length],
                prefixes=preparation.prefixes,
            )
            log_result(run, result, names.REALIGN_RATE)
            runs.measures.measure(run, choice.name, encoder, stage)
            path = runs.folder / identity / ENCODER_FOLDER
            if runs.accelerator.is_main_process:
                save(encoder, preparation.tokenizer, path)
            if runs.scope.keep_encoders:
                if run.run_id is not None:
                    made = self._provenance(config, choice, identity, run.run_id)
                    write_provenance(path, made)
                run.artifacts(path, ENCODER_FOLDER)
                run.finished_as(identity)
        runs.drop(checkpoints)
        return RealignedEncoder(str(path), identity, choice.name, run.run_id)

    def _provenance(
        self, config: RunConfig, choice: StrategyChoice, identity: str, run_id: str
    ) -> Provenance:
        preparation, accelerator = self._runs.preparation, self._runs.accelerator
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
