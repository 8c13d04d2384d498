"""The phases of a run, each an MLflow run of its own, or taken over from a finished one."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, set_seed

from alignfreeze import __version__
from alignfreeze.base.caching import building, cache_root, check_sealed
from alignfreeze.base.digests import hash_of
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.contracts import Split
from alignfreeze.encoders.loading import load_encoder, load_finetuned, load_with_head
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import DataError, Pruned
from alignfreeze.evaluation.finetuning import steps_of_epochs
from alignfreeze.evaluation.scores import RESULTS_FILE, Score, scores_from_csv, scores_to_csv
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.realignment.phase import realign
from alignfreeze.runs.identity import FINETUNE_FIELDS, REALIGN_FIELDS, phase_hash
from alignfreeze.runs.measures import Measures
from alignfreeze.runs.preparation import Preparation, RealignedEncoder
from alignfreeze.runs.provenance import Provenance, fault_of, write_provenance
from alignfreeze.runs.records import (
    hyperparameters,
    log_config,
    log_losses,
    log_provenance,
    log_result,
    log_scores,
    log_words,
    score_name,
)
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.runs.taskmodels import EarlyLook, TaskModels
from alignfreeze.tracking import store
from alignfreeze.tracking.names import (
    DATA_HASH,
    FINETUNE_RUN_NAME,
    MADE_FROM,
    METRIC,
    MODEL_IDENTITY,
    PARALLEL_HASH,
    REALIGN_HASH,
    REALIGN_LOSS,
    REALIGN_RATE,
    REALIGN_RUN,
    REALIGN_RUN_NAME,
    STRATEGY_CODE,
    TASK_CODE,
    USUAL_STRATEGY,
    finetuned_stage,
    realigned_stage,
    reused_tag,
    scores_in,
)
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.training.checkpoints import CheckpointFolder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

ENCODER_FOLDER = "encoder"

T = TypeVar("T")


@dataclass(frozen=True)
class Scope:
    """What phases evaluate, and what they leave behind.

    Attributes:
        splits: Splits to evaluate on after fine-tuning.
        keep_encoders: Log realigned encoders as artifacts, so that later runs can take them over.
        models: Where fine-tuned models are kept, for a later call that evaluates them on other
            splits; ``None``: they are not. A model that is there is not trained again.
    """

    splits: tuple[Split, ...] = ("validation", "test")
    keep_encoders: bool = True
    models: Path | None = None


EVERYTHING = Scope()
"""What a run of its own evaluates and leaves behind."""


class Phases:
    """Runs phases for a preparation, below a parent run.

    Args:
        preparation: Plugins, data and encoder.
        accelerator: Where to train.
        parent: The run that says which phases were taken over.
        folder: For encoders that later phases load; the same in every process.
        scope: What to evaluate, and what to leave behind.
    """

    def __init__(
        self,
        preparation: Preparation,
        accelerator: Accelerator,
        parent: TrackedRun,
        folder: Path,
        scope: Scope = EVERYTHING,
    ) -> None:
        self.preparation = preparation
        self.config = preparation.config
        self.accelerator = accelerator
        self.parent = parent
        self.folder = folder
        self.scope = scope
        self._encoders: dict[str, RealignedEncoder] = {}
        self.measures = Measures(
            preparation.held_out,
            model=preparation.model,
            tokenizer=preparation.tokenizer,
            config=preparation.config,
            accelerator=accelerator,
        )
        self._heads = TaskModels(preparation.tokenizer, accelerator)
        self._environment = {
            "processes": accelerator.num_processes,
            "precision": accelerator.mixed_precision,
            "device": accelerator.device.type,
            "libraries": library_versions(),
        }

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
        identity = self._realign_identity(choice, steps)
        if identity not in self._encoders:
            found = self._on_main(lambda: self._finished_encoder(identity, choice))
            self._encoders[identity] = found or self._realign(choice, steps, identity)
        return self._encoders[identity]

    def _realign_identity(self, choice: StrategyChoice, steps: int) -> str:
        return phase_hash(
            self.config,
            REALIGN_FIELDS,
            {
                "phase": "realign",
                "model": self.preparation.model_identity,
                "strategy": choice.identity,
                "corpora": [corpus.fingerprint for corpus in self.preparation.corpora],
                "steps": steps,
                **self._environment,
            },
        )

    def _finished_encoder(self, identity: str, choice: StrategyChoice) -> RealignedEncoder | None:
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
        self._say_reused("realignment", choice, run.info.run_id)
        return RealignedEncoder(str(path), identity, choice.name, run.info.run_id)

    def _realign(self, choice: StrategyChoice, steps: int, identity: str) -> RealignedEncoder:
        config = self._applied(choice, steps)
        with self._phase_run(REALIGN_RUN_NAME, config, choice) as run:
            run.tags({REALIGN_HASH: identity})
            set_seed(config.seed, device_specific=True)
            encoder = load_encoder(self.preparation.model)
            checkpoints = self._checkpoints(identity, run)
            result = realign(
                encoder,
                self.preparation.tokenizer,
                self.preparation.corpora,
                choice.strategy,
                config,
                steps=steps,
                accelerator=self.accelerator,
                checkpoints=checkpoints,
                on_loss=log_losses(run, REALIGN_LOSS),
                on_words=partial(log_words, run, "parallel text"),
                remembered=self.preparation.encoded_pairs[config.realign_max_length],
                prefixes=self.preparation.prefixes,
            )
            log_result(run, result, REALIGN_RATE)
            several = len({self.realign_steps(data) for data in self.preparation.tasks}) > 1
            stage = realigned_stage(steps, one_of_several=several)
            self.measures.measure(run, choice.name, encoder, stage)
            path = self.folder / identity / ENCODER_FOLDER
            if self.accelerator.is_main_process:
                save(encoder, self.preparation.tokenizer, path)
            if self.scope.keep_encoders:
                if run.run_id is not None:
                    made = self._provenance(config, choice, identity, run.run_id)
                    write_provenance(path, made)
                run.artifacts(path, ENCODER_FOLDER)
                run.finished_as(identity)
        self._drop(checkpoints)
        return RealignedEncoder(str(path), identity, choice.name, run.run_id)

    def _applied(self, choice: StrategyChoice, realign_steps: int) -> RunConfig:
        """The configuration of a phase, with what the data has decided of its realignment.

        Options of a realignment that there is none of, or that was another run's, stay as they are.
        """
        config = choice.applied_to(self.config)
        if not choice.strategy.realigns:
            return config
        decided = {
            "realign_steps": realign_steps,
            "realign_languages": tuple(corpus.target for corpus in self.preparation.corpora),
            "aligner": self.preparation.aligner,
        }
        return config.model_copy(update=decided)

    def _provenance(
        self, config: RunConfig, choice: StrategyChoice, identity: str, run_id: str
    ) -> Provenance:
        return Provenance(
            options=config,
            usual=choice.usual,
            said=choice.said,
            identity=identity,
            run_id=run_id,
            model_identity=self.preparation.pretrained_identity,
            precision=self.accelerator.mixed_precision,
            processes=self.accelerator.num_processes,
            parallel_hash=self.preparation.parallel_hash,
            version=__version__,
            code=code_digest(),
            libraries=versions_text(library_versions()),
        )

    def finetune(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        early: EarlyLook | None = None,
    ) -> list[Score]:
        """The scores after fine-tuning an encoder on a task, computed now or before."""
        identity = self._scores_identity(encoder, data)
        # A model that is to be kept has to be computed.
        may_reuse = self.config.reuse and not self.config.save_model
        found = self._on_main(lambda: self._taken_over(identity, choice) if may_reuse else None)
        if found is None:
            return self._finetune(encoder, choice, data, early)
        run_id, scores = found
        self._say_reused(f"fine-tuning on {data.name}", choice, run_id)
        return scores

    def known_scores(self, choice: StrategyChoice, data: TaskData) -> list[Score] | None:
        """The scores after realigning and fine-tuning, if a finished run of the store has them.

        Then there is nothing to realign, whether the encoder is still there or not.
        """
        encoder = self.pretrained()
        if choice.strategy.realigns:
            identity = self._realign_identity(choice, self.realign_steps(data))
            encoder = RealignedEncoder("", identity, choice.name)
        found = self._known(encoder, data)
        if found is None:
            return None
        self._say_reused(f"fine-tuning on {data.name}", choice, found[0])
        return found[1]

    def known_baseline(self, data: TaskData) -> list[Score] | None:
        """The scores without realignment, if a finished run of the store has them."""
        found = self._known(self.pretrained(), data)
        return None if found is None else found[1]

    def _known(self, encoder: RealignedEncoder, data: TaskData) -> tuple[str, list[Score]] | None:
        """The finished run that has fine-tuned an encoder on a task, and its scores."""
        identity = self._scores_identity(encoder, data)
        may_reuse = self.config.reuse
        return self._on_main(lambda: self._finished_scores(identity) if may_reuse else None)

    @property
    def _measured_identity(self) -> list[Any]:
        """What a measurement of word alignment depends on; nothing if there is none."""
        held_out = [corpus.fingerprint for corpus in self.preparation.held_out]
        return [*held_out, self.config.realign_max_length] if held_out else []

    def _finetune_identity(self, encoder: RealignedEncoder, data: TaskData) -> str:
        return phase_hash(
            self.config,
            FINETUNE_FIELDS,
            {
                "phase": "finetune",
                "encoder": encoder.identity,
                "task": data.identity,
                "measured": self._measured_identity,
                "steps": self.finetune_steps(data),
                **self._environment,
            },
        )

    def _scores_identity(self, encoder: RealignedEncoder, data: TaskData) -> str:
        return hash_of([self._finetune_identity(encoder, data), *self.scope.splits])

    def _finished_scores(self, identity: str) -> tuple[str, list[Score]] | None:
        """The finished run that has these scores, and they; none if its file is no longer whole."""
        run = store.finished_run(identity)
        file = store.artifact_path(run.info.run_id, RESULTS_FILE) if run else None
        if run is None or file is None:
            return None
        logged = scores_in(run.data.metrics, self.scope.splits)
        try:
            scores = scores_from_csv(file)
        except DataError:
            scores = []
        if {score_name(score): score.value for score in scores} == logged:
            return run.info.run_id, scores
        logger.warning(
            "%s of the finished run %s does not hold the scores that it has logged: they are "
            "computed again",
            *(RESULTS_FILE, run.info.run_id),
        )
        return None

    def _taken_over(self, identity: str, choice: StrategyChoice) -> tuple[str, list[Score]] | None:
        """The scores that a finished run holds, and what it has measured."""
        found = self._finished_scores(identity)
        complete = found is not None and self.measures.take_over(choice.name, found[0])
        return found if complete else None

    def _finetune(
        self,
        encoder: RealignedEncoder,
        choice: StrategyChoice,
        data: TaskData,
        early: EarlyLook | None,
    ) -> list[Score]:
        config = self._applied(choice, self.realign_steps(data)).model_copy(
            update={
                "task": (data.name,),
                "task_args": {data.name: data.task.model_dump(mode="json", exclude_defaults=True)},
                "finetune_steps": self.finetune_steps(data),
                "languages": data.targets,
            }
        )
        identity = self._finetune_identity(encoder, data)
        kept = self.scope.models and self.scope.models / identity
        with self._phase_run(f"{FINETUNE_RUN_NAME}{data.name}", config, choice) as run:
            run.tags(self._finetune_tags(encoder, choice, data))
            checkpoints = self._checkpoints(identity, run)
            if kept and kept.is_dir():
                check_sealed(kept, "the fine-tuned model that was kept for the tests")
                model = load_finetuned(kept, data.task.auto_class)
            else:
                set_seed(config.seed, device_specific=True)
                model = load_with_head(encoder.path, data.task.auto_class, data.task.labels)
                try:
                    self._heads.train(model, data, config, run, checkpoints, early)
                except Pruned:  # and never gone on with
                    self._drop(checkpoints)
                    raise
            encoder_within = cast("PreTrainedModel", model.base_model)
            self.measures.measure(run, choice.name, encoder_within, finetuned_stage(data.name))
            sets = data.evaluation_sets(self.scope.splits)
            scores = self._heads.evaluate(model, data, sets, config.eval_batch_size)
            log_scores(run, scores, config.source_language)
            log_words(run, data.name, data.word_counts(self.scope.splits))
            run.text(scores_to_csv(scores), RESULTS_FILE)
            self._keep(run, model, kept)
            run.finished_as(self._scores_identity(encoder, data))
        self._drop(checkpoints)
        return scores

    def _finetune_tags(
        self, encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData
    ) -> dict[str, str]:
        """By what scores are known that may be compared: of what metric, of which data, on what."""
        tags = {
            METRIC: data.task.primary_metric,
            DATA_HASH: hash_of(data.identity["data"]),
            TASK_CODE: data.digest,
        }
        if choice.strategy.realigns:
            tags |= {REALIGN_HASH: encoder.identity, REALIGN_RUN: encoder.run_id or ""}
        return tags

    def _keep(self, run: TrackedRun, model: "PreTrainedModel", kept: Path | None) -> None:
        """Log the model if it is asked for, or keep it for a later call."""
        if not self.accelerator.is_main_process:
            return
        if self.config.save_model:
            path = self.folder / "models" / str(run.run_id)
            save(model, self.preparation.tokenizer, path)
            run.artifacts(path, "model")
        if kept and not kept.is_dir():
            with building(kept) as empty:
                save(model, self.preparation.tokenizer, empty)

    @contextmanager
    def _phase_run(
        self, name: str, config: RunConfig, choice: StrategyChoice
    ) -> Iterator[TrackedRun]:
        """A nested run with the parameters and tags of a phase."""
        label = name if choice.main else f"{name}-{choice.name}"
        with tracked_run(label, nested=True, writes=self.accelerator.is_main_process) as run:
            log_config(run, config, self.accelerator)
            run.tags({USUAL_STRATEGY: str(choice.usual).lower()})
            if choice.strategy.realigns:
                run.params(hyperparameters(choice.said))
                run.tags(
                    {
                        STRATEGY_CODE: choice.digest,
                        PARALLEL_HASH: self.preparation.parallel_hash,
                    }
                )
            if self.preparation.made_from:
                run.tags({MADE_FROM: self.preparation.made_from})
            if self.preparation.pretrained_identity is not None:
                run.tags({MODEL_IDENTITY: self.preparation.pretrained_identity})
            if self.preparation.provenance is not None:
                log_provenance(run, self.preparation.provenance, config, self.accelerator)
            yield run

    def _checkpoints(self, identity: str, run: TrackedRun) -> CheckpointFolder:
        owner = self._on_main(lambda: run.run_id or "")
        return CheckpointFolder(cache_root() / "checkpoints" / identity, owner)

    def _drop(self, checkpoints: CheckpointFolder) -> None:
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            checkpoints.clear()

    def _say_reused(self, what: str, choice: StrategyChoice, run_id: str) -> None:
        logger.info("%s, %s: taken over from the finished run %s", choice.name, what, run_id)
        label = what if choice.main else f"{what} {choice.name}"
        self.parent.tags({reused_tag(label): run_id})

    def _on_main(self, compute: Callable[[], T]) -> T:
        """What the process that tracks finds, in every process."""
        found: list[Any] = [compute() if self.accelerator.is_main_process else None]
        broadcast_object_list(found)
        return cast(T, found[0])
