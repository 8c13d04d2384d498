"""Word alignment and drift of a run's encoders, measured on sentence pairs that are held out."""

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from alignfreeze.base.plotting import png_bytes
from alignfreeze.encoders.loading import load_encoder
from alignfreeze.errors import DataError
from alignfreeze.probing.geometry import alignment_scores, drift_scores
from alignfreeze.probing.layer_figures import alignment_figure, drift_figure
from alignfreeze.probing.probes import WordProbe, WordVectors
from alignfreeze.runs.preparation import Preparation
from alignfreeze.tracking.curves import Measurement, log_measurement, measured
from alignfreeze.tracking.names import PRETRAINED
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.tracking.store import StoredRun
from alignfreeze.training.memory import MEASURING, memory_for

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

NOTHING = Measurement([], [])
"""What is measured where no words are held out for that."""


class Measures:
    """Measures a run's encoders on the same words; does nothing where none are held out.

    The main process alone measures; `by_strategy` is what was measured or taken over so far. What
    has to be downloaded for that goes into a folder.
    """

    def __init__(self, preparation: Preparation, accelerator: "Accelerator", folder: Path) -> None:
        self.by_strategy: dict[str, Measurement] = {}
        self._asked = bool(preparation.held_out) and accelerator.is_main_process
        self._folder = folder
        self._preparation = preparation
        self._accelerator = accelerator

    @cached_property
    def _probe(self) -> WordProbe:
        made, length = self._preparation, self._preparation.config.realign_max_length
        return WordProbe(made.held_out, made.tokenizer, max_length=length)

    @cached_property
    def _before(self) -> WordVectors:
        return self._vectors(load_encoder(self._preparation.model))

    def _vectors(self, encoder: "PreTrainedModel") -> WordVectors:
        config = self._preparation.config
        with memory_for("measuring alignment", config, MEASURING):
            return self._probe.vectors(encoder, self._accelerator, config.eval_batch_size)

    def measure(
        self,
        run: TrackedRun,
        encoder: "PreTrainedModel",
        stage: str,
        earlier: Measurement = NOTHING,
    ) -> Measurement:
        """Log word alignment before and at a stage, and the drift from before to then.

        What was measured of an earlier stage in the same run is logged with it.
        """
        if not self._asked:
            return NOTHING
        after = self._vectors(encoder)
        new = Measurement(
            [*alignment_scores(self._before, PRETRAINED), *alignment_scores(after, stage)],
            drift_scores(self._before, after, stage),
        )
        measurement = _together(earlier, new)
        log_measurement(run, measurement)
        return measurement

    def take_over(self, strategy: str, run: StoredRun) -> bool:
        """Read what an earlier run has measured; False, with a warning, if that is not whole."""
        if not self._asked:
            return True
        try:
            found = measured(run, self._folder)
        except DataError as fault:
            logger.warning(
                "what the finished run %s has measured cannot be taken over, so it is computed "
                "again: %s",
                *(run.run_id, fault),
            )
            return False
        self.add(strategy, found)
        return True

    def add(self, strategy: str, new: Measurement) -> None:
        """Add to what is known of a strategy, each score once."""
        if new is NOTHING:
            return
        self.by_strategy[strategy] = _together(self.by_strategy.get(strategy, NOTHING), new)

    def log(self, run: TrackedRun, folder: Path) -> None:
        """Log what was measured of the run's own strategy, if anything, and figures of all."""
        own = self.by_strategy.get(self._preparation.strategies[-1].name)
        config = self._preparation.config
        if own is None or not own.alignment:
            return
        log_measurement(run, own)
        folder.mkdir()
        alignment = {name: found.alignment for name, found in self.by_strategy.items()}
        drift = {name: found.drift for name, found in self.by_strategy.items()}
        figures = {
            "alignment.png": alignment_figure(alignment, title=config.model),
            "drift.png": drift_figure(
                drift, source_language=config.source_language, title=config.model
            ),
        }
        for name, figure in figures.items():
            (folder / name).write_bytes(png_bytes(figure))
        run.artifacts(folder, "figures")


def _together(known: Measurement, new: Measurement) -> Measurement:
    """Two measurements as one, each score once."""
    return Measurement(
        list(dict.fromkeys([*known.alignment, *new.alignment])),
        list(dict.fromkeys([*known.drift, *new.drift])),
    )
