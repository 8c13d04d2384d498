"""Encoders that earlier runs have realigned: found, and taken with what they are known by."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from alignfreeze.base.digests import folder_digest
from alignfreeze.base.paths import existing_path
from alignfreeze.config import BASELINE, RunConfig, merged_options, validated
from alignfreeze.contracts.registry import STRATEGY, create_plugin, fingerprint
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.stated import model_folder, no_encoder
from alignfreeze.errors import ConfigError
from alignfreeze.runs.objectives import objective_choice
from alignfreeze.runs.provenance import (
    CARRIED,
    PROVENANCE_FILE,
    SHARED,
    Provenance,
    read_provenance,
)
from alignfreeze.runs.records import CONFIG_FILE
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices
from alignfreeze.tracking import location, names, store
from alignfreeze.tracking.store import StoredRun

logger = logging.getLogger(__name__)

ENCODER_FOLDER = "encoder"  # the artifact of a realignment


@dataclass(frozen=True)
class RealignedEncoder:
    """An encoder on disk.

    Attributes:
        path: Its folder, or its name on the hub.
        identity: The hash of what made it.
        run_id: The MLflow run that made it; ``None`` for one from elsewhere.
        provenance: What made it, where that was another run, and is known.
    """

    path: str
    identity: str
    run_id: str | None = None
    provenance: Provenance | None = None

    def choice(self) -> StrategyChoice:
        """The strategy that it was realigned with, as a choice that has nothing to do.

        It is the baseline if nothing says that it was realigned.
        """
        made = self.provenance
        return StrategyChoice(
            made.options.strategy if made else BASELINE,
            create_plugin(STRATEGY, BASELINE, {}),
            fingerprint(STRATEGY, BASELINE),
            main=True,
            args=made.options.strategy_args if made else {},
            usual=made.usual if made else True,
        )


def find_encoder(encoder: str, downloads: Path) -> RealignedEncoder:
    """The encoder in a folder; or of a realignment, by its id or that of the run that it is in.

    Args:
        encoder: The folder, or the id.
        downloads: Where the encoder of a run is put if it is not on this machine.

    Raises:
        ConfigError: If there is neither such a folder nor such a run, the run has no encoder, or
            what is said of where it comes from is wrong.
        EncoderError: If a folder holds no encoder.
        TrackingError: If the store is away.
    """
    if not encoder:
        raise no_encoder(encoder)
    folder = existing_path(encoder)
    if folder is not None and folder.is_dir():
        model_folder(str(folder.absolute()))
        made = read_provenance(folder)
        if made is None:
            logger.warning(
                "encoder %s: no %s in it says what realigned it, so it counts as a model of its "
                "own, fine-tuned without realignment (%s)",
                *(folder, PROVENANCE_FILE, BASELINE),
            )
            return RealignedEncoder(str(folder), folder_digest(folder))
    else:
        run = store.find_realignment(encoder)
        path = run and location.artifact_path(run.run_id, ENCODER_FOLDER, downloads)
        if run is not None and path is None and (why := run.tags.get(names.DROPPED)):
            raise ConfigError(f"encoder: that of run {run.run_id} was removed, since {why}")
        if run is None or path is None:
            store.contact()  # of one that is away nothing is known
            raise no_encoder(encoder)
        folder, made = path, read_provenance(path) or _of_older_run(run, path, downloads)
    return RealignedEncoder(str(folder), made.identity, made.run_id, made)


def _of_older_run(run: StoredRun, path: Path, downloads: Path) -> Provenance:
    """What made the encoder of a run that has kept it without saying so beside it."""
    file = location.artifact_path(run.run_id, CONFIG_FILE, downloads)
    if file is None:
        raise ConfigError(f"run {run.run_id} has no {CONFIG_FILE}, which says how it realigned")
    values = merged_options({"config": str(file)})
    config = validated({n: values[n] for n in (*CARRIED, *SHARED) if n in values})
    choice = strategy_choices(config, read_layer_count(str(path)))[-1]
    config = choice.applied_to(config)
    if not config.realign_languages and values.get("languages"):
        languages = validated({"languages": values["languages"]}).languages
        config = config.model_copy(update={"realign_languages": languages})
    tags = run.tags
    return Provenance(
        options=config,
        usual=choice.usual,
        identity=tags[names.PHASE_HASH],
        run_id=run.run_id,
        precision=tags.get(names.PRECISION, ""),
        processes=int(tags.get(names.PROCESSES, "1")),
        parallel_hash=tags.get(names.PARALLEL_HASH),
        chosen_by=tags.get(names.CHOSEN_BY),
        version=tags.get(names.VERSION),
        code=tags.get(names.CODE),
        libraries=tags.get(names.LIBRARIES),
        device=tags.get(names.DEVICE),
    )


def with_provenance(
    encoder: RealignedEncoder, asked: RunConfig, given: Collection[str]
) -> RunConfig:
    """What a run that uses an encoder was asked for, with what realigned that.

    Raises:
        ConfigError: If one that is given contradicts how the encoder was realigned; one line.
    """
    if asked.alignment_pairs:
        logger.info(
            "alignment_pairs=%d is left out: alignment is measured against the encoder before it "
            "was realigned, which is not at hand",
            asked.alignment_pairs,
        )
    config = asked.model_copy(update={"compare": (), "alignment_pairs": 0})
    made = encoder.provenance
    if made is None:
        own = {"model": encoder.path, "strategy": BASELINE, "strategy_args": {}}
        return config.model_copy(update=own)
    if "strategy_args" in given and asked.strategy_args:
        strategy = asked.strategy if "strategy" in given else made.options.strategy
        asked = asked.model_copy(update={"strategy": strategy})
        choice = strategy_choices(asked, read_layer_count(encoder.path))[-1]
        asked = choice.said_in(asked)
    if "objective_args" in given and asked.objective_args:
        objective = asked.objective if "objective" in given else made.options.objective
        named = asked.model_copy(update={"objective": objective})
        asked = objective_choice(named).said_in(named)
    if lines := made.contradicted_by(asked, given):
        raise ConfigError(
            f"encoder {asked.encoder} was realigned otherwise: {'; '.join(lines)}; leave out what "
            "is its own"
        )
    logger.info("encoder: %s", made)
    return made.carried_into(config)
