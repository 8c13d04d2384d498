"""How phases are run: tracked below a parent run, found again, gone on with."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from accelerate import Accelerator

from alignfreeze.base.disks import Need, require_room
from alignfreeze.base.owners import Owner
from alignfreeze.base.paths import cache_root
from alignfreeze.base.processes import this_process
from alignfreeze.base.versions import library_versions
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Split
from alignfreeze.data.missing import TEXT
from alignfreeze.errors import Pruned
from alignfreeze.runs.identity import phase_hash
from alignfreeze.runs.inputs import parallel_inputs, task_inputs
from alignfreeze.runs.measures import Measures
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.records import hyperparameters, log_config, log_provenance
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import names
from alignfreeze.tracking.inputs import DataSet
from alignfreeze.tracking.location import artifact_folder, store_uri
from alignfreeze.tracking.runs import TrackedRun, tracked_run
from alignfreeze.training.checkpoints import CheckpointFolder, tensors_size
from alignfreeze.training.distributed import from_main
from alignfreeze.training.endings import first_reason

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

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


EVERYTHING = Scope()  # what a run of its own does


class PhaseRuns:
    """What the phases of a run share.

    The parent run says which phases were taken over; encoders that later phases load are in the
    folder, which is the same in every process of a machine.
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
        self.said: list[str] = []  # what the phases have to tell in the end, a line each
        self._unkept: set[str] = set()  # runs whose model was to be kept, and is not
        self.measures = Measures(preparation, accelerator, folder)
        if preparation.left_out:
            parent.tags(self._left_out(preparation.left_out))

    def identity(self, fields: Sequence[str], dependencies: Mapping[str, Any]) -> str:
        """The hash of everything that a phase depends on: options, what else, where it is done."""
        where = {
            "processes": self.accelerator.num_processes,
            "precision": self.accelerator.mixed_precision,
            "device": self.accelerator.device.type,
            "libraries": library_versions(),
        }
        return phase_hash(self.config, fields, {**dependencies, **where})

    def applied(self, choice: StrategyChoice, realign_steps: int) -> RunConfig:
        """The configuration of a phase, with what the data has decided of its realignment.

        Options of a realignment that there is none of, or that was another run's, stay as they are.
        """
        config = choice.applied_to(self.config)
        if not choice.strategy.realigns:
            return config
        config = self.preparation.objective.said_in(config)
        decided = {
            "realign_steps": realign_steps,
            "realign_languages": tuple(corpus.target for corpus in self.preparation.corpora),
            "aligner": self.preparation.aligner,
        }
        return config.model_copy(update=decided)

    @contextmanager
    def begun(
        self,
        name: str,
        kind: names.Kind,
        *,
        config: RunConfig,
        choice: StrategyChoice,
        identity: str,
    ) -> Iterator[tuple[TrackedRun, CheckpointFolder]]:
        """A nested run with a phase's parameters and tags; where it keeps its state on the way."""
        preparation = self.preparation
        label = name if choice.main else f"{name}-{choice.name}"
        writes = self.accelerator.is_main_process
        with (
            tracked_run(label, kind, nested=True, writes=writes) as run,
            first_reason(self.accelerator),
        ):
            log_config(run, config, self.accelerator)
            tags = {
                names.USUAL_STRATEGY: str(choice.usual).lower(),
                names.MADE_FROM: preparation.made_from,
                names.MODEL_IDENTITY: preparation.pretrained_identity,
            }
            if choice.strategy.realigns:
                run.params(hyperparameters("strategy", choice.said))
                run.params(hyperparameters("objective", preparation.objective.said))
                tags[names.STRATEGY_CODE] = choice.digest
                tags[names.OBJECTIVE_CODE] = preparation.objective.digest
                tags[names.PARALLEL_HASH] = preparation.parallel_hash
                tags[names.CHOSEN_BY] = preparation.chosen_by
            tags |= self._left_out([*config.task, *([TEXT] if choice.strategy.realigns else [])])
            run.tags({tag: value for tag, value in tags.items() if value})
            if preparation.provenance is not None:
                log_provenance(run, preparation.provenance, config, self.accelerator)
            owner = self.on_main(lambda: run.run_id or "")
            process = Owner(this_process(), store_uri())
            checkpoints = CheckpointFolder(cache_root() / "checkpoints" / identity, owner, process)
            try:
                yield run, checkpoints
            except Pruned:  # and never gone on with
                self._drop(checkpoints)
                raise
        self._drop(checkpoints)

    def inputs(self) -> list[DataSet]:
        """The data sets that the phases use, those too that are taken over."""
        made = self.preparation
        realigns = any(choice.strategy.realigns for choice in made.strategies)
        tasks = (task_inputs(made, data, self.scope.splits) for data in made.tasks)
        return [*(parallel_inputs(made) if realigns else []), *chain(*tasks)]

    def require_room(
        self, run: TrackedRun, model: "PreTrainedModel", *, kept: bool, copies: int = 1
    ) -> None:
        """Check, before it is trained, that the disks of this machine will hold a model.

        It is written into the folder, and if it is kept into the run's artifacts as well; as many
        copies of it as it is left at times.

        Raises:
            ResourceError: If they will not.
        """
        if run.run_id is None:
            return
        size = copies * tensors_size(model.state_dict().values())
        what = "the model that comes of it" if copies == 1 else f"{copies} models that come of it"
        folders = [self.folder, artifact_folder(run.run_id) if kept else None]
        require_room(Need(folder, size, what) for folder in folders if folder is not None)

    def _left_out(self, used: Collection[str]) -> dict[str, str]:
        """The tags that say which languages lack something of what is used: tasks, or text."""
        found = self.preparation.left_out.items()
        return {names.left_out_tag(what): of for what, of in found if what in used}

    def _drop(self, checkpoints: CheckpointFolder) -> None:
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            checkpoints.clear()

    def say_reused(self, what: str, choice: StrategyChoice, run_id: str) -> None:
        """Tell, and leave in the parent run, from which run a phase was taken over."""
        logger.info("%s, %s: taken over from the finished run %s", choice.name, what, run_id)
        label = what if choice.main else f"{what} {choice.name}"
        self.parent.tags({names.reused_tag(label): run_id})

    def on_main(self, compute: Callable[[], T]) -> T:
        """What the process that tracks finds, in every process."""
        return from_main(self.accelerator, compute)
