"""What the scores of a cell depend on: code, libraries, plugins, data and model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from alignfreeze.alignment.aligning import alignment_identity
from alignfreeze.base.digests import folder_digest, hash_of
from alignfreeze.base.versions import code_digest, library_versions
from alignfreeze.config import RunConfig
from alignfreeze.contracts.registry import TASK, fingerprint
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.modelfiles import model_folder
from alignfreeze.runs.identity import HOW_FIELDS, PARALLEL_FIELDS
from alignfreeze.runs.provenance import CARRIED
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices
from alignfreeze.training.devices import resolve_precision

T = TypeVar("T")

ALL_FILES = "**/*"


class Dependencies:
    """What cells depend on, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], object] = {}

    def identity(self, config: RunConfig) -> str:
        """The hash of all that a cell's scores depend on.

        The content of a folder of data or of a model counts, not its place; of the hub, the name.

        Raises:
            AlignFreezeError: If a plugin cannot be loaded, or a file cannot be read.
        """
        choice, (task,) = self.choice(config), config.task
        without = {*HOW_FIELDS, "data", "model", "precision", "strategy", "strategy_args"}
        if not choice.strategy.realigns:
            without |= set(CARRIED)
        return hash_of(
            {
                "code": self._once(
                    "code", "", lambda: hash_of([code_digest(), library_versions()])
                ),
                "config": config.model_dump(mode="json", exclude=without),
                "data": self._once("data", config.data, lambda: _data_digest(config.data)),
                "model": self._once("model", config.model, lambda: _model_digest(config.model)),
                "precision": resolve_precision(config.precision),
                "strategy": choice.identity,
                "task": self._once("task", task, lambda: fingerprint(TASK, task)),
                "links": self._links(config) if choice.strategy.realigns else [],
            }
        )

    def choice(self, config: RunConfig) -> StrategyChoice:
        """The strategy of a cell, with what its model decides of it.

        Raises:
            AlignFreezeError: If it is unknown, a hyperparameter breaks its rule, or the model's
                configuration cannot be read.
        """
        model = config.model
        n_layers = self._once("layers", model, lambda: read_layer_count(find_model(model)))
        asked = hash_of([config.strategy, config.strategy_args, n_layers])
        return self._once(
            "strategy", asked, lambda: strategy_choices(config)[-1].resolved(n_layers)
        )

    def _links(self, config: RunConfig) -> list[Any]:
        """What the links of a cell's parallel text depend on, beside its data."""
        asked = config.model_dump(
            mode="json", include={*PARALLEL_FIELDS, "source_language", "data", "model"}
        )
        return self._once(
            "links", hash_of(asked), lambda: alignment_identity(find_data(config.data), config)
        )

    def _once(self, kind: str, name: str, look: Callable[[], T]) -> T:
        if (kind, name) not in self._known:
            self._known[kind, name] = look()
        return cast(T, self._known[kind, name])


def _data_digest(data: str) -> str:
    source = find_data(data)
    _, colon, folder = data.partition(":")
    if source.supplier is None:
        return folder_digest(source.root, ALL_FILES)
    return folder_digest(Path(folder).expanduser(), ALL_FILES) if colon else data


def _model_digest(model: str) -> str:
    folder = model_folder(find_model(model))
    return model if folder is None else folder_digest(folder, ALL_FILES)
