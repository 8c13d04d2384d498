"""Realignment, as MLflow runs of its own: one training, and the encoders on its way."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from accelerate import Accelerator
from accelerate.utils import set_seed

from alignfreeze import __version__
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.config import RunConfig, model_name
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.encoders.modelfiles import save
from alignfreeze.errors import ResourceError
from alignfreeze.realignment.phase import batch_count, pair_stream, realign
from alignfreeze.runs.finetune_phase import FinetunePhases
from alignfreeze.runs.inputs import parallel_inputs
from alignfreeze.runs.kept_states import keep_state, require_room_for_state
from alignfreeze.runs.phase_runs import EVERYTHING, Scope
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.provenance import Provenance, write_provenance
from alignfreeze.runs.realigned import ENCODER_FOLDER, RealignedEncoder
from alignfreeze.runs.records import log_pairs, log_result, log_word_shares, log_words
from alignfreeze.runs.saving import registered, save_model
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import names
from alignfreeze.tracking.names import Kind
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.checkpoints import CheckpointFolder
from alignfreeze.training.devices import device_text, precision_of
from alignfreeze.training.distributed import on_every_machine
from alignfreeze.training.milestones import Milestones, TrainingResult

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

Others = Mapping[int, str]
"""Numbers of steps after which others want an encoder: cells of a grid, by their identities."""

NOBODY: Others = {}


class Goal(NamedTuple):
    """An encoder that a realignment leaves.

    Attributes:
        steps: After how many optimizer steps.
        own: Whether these phases fine-tune it.
        cells: The identities of the cells of a grid that want it, with commas between them.
    """

    steps: int
    own: bool = True
    cells: str = ""


class RealignPhases(FinetunePhases):
    """Realigns by each strategy once, for as many steps as any task takes; fine-tunes the rest.

    The encoders that other tasks fine-tune, after fewer steps, are left on the way: the rate is
    constant, so that they are the same to the bit as those of realignments of their own. Each has
    an MLflow run, as such a one would have, nested in that of the realignment on whose way it was.
    """

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
        self._made: dict[str, RealignedEncoder] = {}  # on the main process's machine

    def realign(
        self, choice: StrategyChoice, steps: int, also: Others = NOBODY
    ) -> RealignedEncoder:
        """The encoder after realignment, computed now or before.

        What is wanted by others too, and by the other tasks, is left to be taken over, if this has
        to be computed.
        """
        identity = self.realign_identity(choice, steps)
        if identity not in self._encoders:
            made = self._made.get(identity) or self.taken_over(choice, identity)
            if made is None:
                goals = self._unknown(choice, steps, self.goals(choice, steps, also))
                self._realign(choice, goals)
                if identity not in self._made:  # a checkpoint was further on already
                    self._realign(choice, [goal for goal in goals if goal.steps == steps])
                made = self._made[identity]
            self._register_encoder(made, choice, steps)
            place = on_every_machine(self.accelerator, Path(made.path), self.folder / identity)
            self._encoders[identity] = replace(made, path=str(place))
        return self._encoders[identity]

    def goals(self, choice: StrategyChoice, steps: int, also: Others = NOBODY) -> list[Goal]:
        """All encoders that are left if one has to be realigned, the longest realigned last.

        Those of the other tasks are, where encoders are kept.
        """
        if self.is_paced(choice):
            return [Goal(steps, own=True, cells=also.get(steps, ""))]
        kept = self.preparation.tasks if self.scope.keep_encoders else ()
        own = {steps, *(self.realign_steps(data) for data in kept)}
        return [Goal(n, n in own, also.get(n, "")) for n in sorted({*own, *also})]

    def _unknown(self, choice: StrategyChoice, steps: int, goals: list[Goal]) -> list[Goal]:
        """Those that no finished run holds, and the one after so many steps."""

        def find() -> list[Goal]:
            return [g for g in goals if g.steps == steps or not self.is_known(choice, g.steps)]

        return self.on_main(find)

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

    def _realign(self, choice: StrategyChoice, goals: Sequence[Goal]) -> None:
        """Realign for as many steps as the last goal says, and leave the encoders of all."""
        preparation, accelerator = self.preparation, self.accelerator
        assert choice.freezing is not None, "a preparation has checked it"
        steps = goals[-1].steps
        config, identity = self.applied(choice, steps), self.realign_identity(choice, steps)
        with self._begun(choice, steps) as (run, checkpoints):
            run.tags({names.REALIGN_HASH: identity})
            run.inputs(parallel_inputs(preparation))
            set_seed(config.seed, device_specific=True)
            encoder = load_encoder(preparation.model)
            states = self.states(choice, steps)
            checkpoints.finished = list(states)
            on_way = {goal.steps: goal for goal in self._with_room(run, encoder, goals[:-1])}

            def reached(step: int, so_far: TrainingResult) -> None:
                self._leave_on_the_way(run, choice, encoder, on_way[step], so_far)

            result = realign(
                encoder,
                preparation.tokenizer,
                preparation.corpora,
                choice.freezing,
                preparation.objective.objective,
                config,
                steps=steps,
                accelerator=accelerator,
                checkpoints=checkpoints,
                on_loss=lambda at: run.metric(names.REALIGN_LOSS, at.loss, at.step),
                on_words=partial(log_words, run, "parallel text"),
                remembered=preparation.encoded_pairs[config.realign_max_length],
                prefixes=preparation.prefixes,
                milestones=Milestones(on_way, reached),
            )
            for state, run_id in states.items():
                if state == checkpoints.gone_on_from:
                    run.tags({names.GONE_ON_FROM: run_id})
            if config.keep_optimizer and accelerator.is_main_process:
                keep_state(run, checkpoints, self.way_identity(choice, steps), steps)
            self._leave(run, choice, encoder, goals[-1], result)

    def _begun(
        self, choice: StrategyChoice, steps: int
    ) -> AbstractContextManager[tuple[TrackedRun, CheckpointFolder]]:
        """The run of a realignment of so many steps, as long as the context lasts."""
        return self.begun(
            names.REALIGN_RUN_NAME,
            Kind.REALIGNMENT,
            config=self.applied(choice, steps),
            choice=choice,
            identity=self.realign_identity(choice, steps),
        )

    def _with_room(
        self, run: TrackedRun, encoder: "PreTrainedModel", on_way: Sequence[Goal]
    ) -> Sequence[Goal]:
        """The encoders to leave on the way: all, or none for want of room.

        Raises:
            ResourceError: If the disks will not hold the encoder after the last step.
        """
        self.require_room(run, encoder, kept=self.scope.keep_encoders)
        if self.config.keep_optimizer:
            require_room_for_state(run, encoder)

        def fault() -> str:
            try:
                self.require_room(run, encoder, kept=True, copies=len(on_way) + 1)
            except ResourceError as error:
                return str(error)
            return ""

        if on_way and (why := self.on_main(fault)):
            logger.warning("no encoder is left on the way, each is realigned by itself: %s", why)
            return []
        return on_way

    def _leave_on_the_way(
        self,
        way: TrackedRun,
        choice: StrategyChoice,
        encoder: "PreTrainedModel",
        goal: Goal,
        so_far: TrainingResult,
    ) -> None:
        """Leave the encoder after fewer steps than the run takes, as one of its own would have."""
        steps = goal.steps
        if self.on_main(lambda: self.is_known(choice, steps)):
            return  # it was left before the training was gone on with
        config, identity = self.applied(choice, steps), self.realign_identity(choice, steps)
        with self._begun(choice, steps) as (run, _):
            run.tags({names.REALIGN_HASH: identity, names.ON_WAY_OF: way.run_id or ""})
            run.inputs(parallel_inputs(self.preparation))
            self._log_words(run, config, steps)
            for at in so_far.losses:
                run.metric(names.REALIGN_LOSS, at.loss, at.step)
            self._leave(run, choice, encoder, goal, so_far)

    def _log_words(self, run: TrackedRun, config: RunConfig, steps: int) -> None:
        """How the words of the first steps are read; it is told of those of all steps."""
        made = self.preparation
        remembered = made.encoded_pairs[config.realign_max_length]
        stream = pair_stream(made.corpora, made.tokenizer, config, remembered)
        log_word_shares(run, stream.word_counts(batch_count(config, steps, self.accelerator)))

    def _leave(
        self,
        run: TrackedRun,
        choice: StrategyChoice,
        encoder: "PreTrainedModel",
        goal: Goal,
        result: TrainingResult,
    ) -> None:
        """Leave an encoder that has been realigned as far as a goal, and what is known of it."""
        preparation, accelerator, steps = self.preparation, self.accelerator, goal.steps
        config, identity = self.applied(choice, steps), self.realign_identity(choice, steps)
        path = self.folder / identity / ENCODER_FOLDER
        log_result(run, result, names.REALIGN_RATE)
        log_pairs(run, preparation.corpora, config, steps * accelerator.num_processes)
        stage = names.realigned_stage(steps, one_of_several=self._realigns_several())
        measured = self.measures.measure(run, encoder, stage)
        if accelerator.is_main_process and not self.scope.keep_encoders:
            save(encoder, preparation.tokenizer, path)
        if self.scope.keep_encoders:
            if run.run_id is not None:
                save_model(encoder, preparation.tokenizer, path, config)
                write_provenance(path, self._provenance(run.run_id, choice, config, identity))
            run.artifacts(path, ENCODER_FOLDER)
            if goal.cells:
                run.tags({names.WANTED_BY: goal.cells})
            run.finished_as(identity)
        if goal.own:
            self.measures.add(choice.name, measured)
            self._made[identity] = RealignedEncoder(str(path), identity, run.run_id)
        elif accelerator.is_main_process:
            shutil.rmtree(path.parent, ignore_errors=True)

    def _provenance(
        self, run_id: str, choice: StrategyChoice, config: RunConfig, identity: str
    ) -> Provenance:
        return Provenance(
            options=config,
            usual=choice.usual,
            said=choice.said,
            objective_said=self.preparation.objective.said,
            identity=identity,
            run_id=run_id,
            model_identity=self.preparation.pretrained_identity,
            precision=precision_of(self.accelerator),
            processes=self.accelerator.num_processes,
            parallel_hash=self.preparation.parallel_hash,
            chosen_by=self.preparation.chosen_by,
            version=__version__,
            code=code_digest(),
            libraries=versions_text(library_versions()),
            device=device_text(self.accelerator),
        )
