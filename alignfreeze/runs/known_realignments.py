"""Realignments that are finished: what identifies one, and what a later run takes over of it."""

import logging
from collections.abc import Mapping
from pathlib import Path

from alignfreeze.runs.identity import REALIGN_FIELDS
from alignfreeze.runs.kept_states import finished_states
from alignfreeze.runs.provenance import fault_of
from alignfreeze.runs.realigned import ENCODER_FOLDER, RealignedEncoder
from alignfreeze.runs.saving import ModelRuns
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import location, store

logger = logging.getLogger(__name__)


class KnownRealignments(ModelRuns):
    """Finds the encoder of a finished realignment, or the state of one of fewer steps."""

    def realign_identity(self, choice: StrategyChoice, steps: int) -> str:
        """The hash of everything that a realigned encoder depends on."""
        return self.identity(REALIGN_FIELDS, {**self._way(choice), "steps": steps})

    def _way(self, choice: StrategyChoice) -> dict[str, object]:
        """What it depends on besides options and the number of steps."""
        return {
            "phase": "realign",
            "model": self.preparation.model_identity,
            "strategy": choice.identity,
            "objective": self.preparation.objective.identity,
            "corpora": [corpus.fingerprint for corpus in self.preparation.corpora],
        }

    def way_identity(self, choice: StrategyChoice, steps: int) -> str:
        """The hash of what a realigned encoder depends on, whatever the number of steps.

        With a strategy whose rates depend on how many steps are done, the number counts too.
        """
        paced = {"steps": steps} if self.is_paced(choice) else {}
        return self.identity(REALIGN_FIELDS, {**self._way(choice), **paced})

    def is_paced(self, choice: StrategyChoice) -> bool:
        """Whether an encoder is not on the way of one that is realigned for more steps."""
        return choice.freezing is not None and choice.freezing.is_paced

    def states(self, choice: StrategyChoice, steps: int) -> Mapping[Path, str]:
        """What to go on from, see `finished_states`."""
        if not self.config.reuse:
            return {}
        way = self.way_identity(choice, steps)
        return self.on_main(lambda: finished_states(way, steps, self.folder))

    def is_known(self, choice: StrategyChoice, steps: int) -> bool:
        """Whether a finished run holds an encoder, whole or not."""
        identity = self.realign_identity(choice, steps)
        return self.config.reuse and store.finished_run(identity) is not None

    def taken_over(self, choice: StrategyChoice, identity: str) -> RealignedEncoder | None:
        """The encoder of a finished run, if there is one; it is said from which."""
        found = self.on_main(lambda: self.finished_encoder(identity, choice))
        if found is not None:
            self.say_reused("realignment", choice, str(found.run_id))
        return found

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
