"""What the cells of a grid depend on, each part looked at once."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from alignfreeze.alignment.aligning import alignment_identity
from alignfreeze.base.digests import folder_digest, hash_of
from alignfreeze.base.paths import user_path
from alignfreeze.base.versions import code_digest, library_versions
from alignfreeze.config import RunConfig, subset_of
from alignfreeze.contracts.registry import TASK, fingerprint
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.rates import is_paced
from alignfreeze.encoders.stated import model_folder
from alignfreeze.encoders.times import usual_sites
from alignfreeze.runs.identity import HOW_FIELDS, PARALLEL_FIELDS
from alignfreeze.runs.objectives import ObjectiveChoice, links_words, objective_choice
from alignfreeze.runs.provenance import CARRIED
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices
from alignfreeze.training.devices import resolve_precision

T = TypeVar("T")

ALL_FILES = "**/*"

SCORE_FILES = ("parallel/*.scores", "parallel/*.scores.gz")
"""Files of scores of sentence pairs, in a folder of data, which runs read if pairs are dropped."""


def read_layers(model: str) -> int:
    """How many layers a model has, as a configuration names it.

    Raises:
        EncoderError: If its configuration cannot be read.
    """
    return read_layer_count(find_model(model))


class Dependencies:
    """What cells depend on, each looked at once.

    Args:
        layers: Says how many layers a model has.
    """

    def __init__(self, layers: Callable[[str], int] = read_layers) -> None:
        self._layers = layers
        self._known: dict[tuple[str, str], object] = {}

    def said(self, config: RunConfig) -> RunConfig:
        """A configuration that says what its strategy and objective come to.

        Raises:
            AlignFreezeError: As `choice` and `objective`.
        """
        return self.objective(config).said_in(self.choice(config).applied_to(config))

    def identity(self, config: RunConfig) -> str:
        """The hash of all that a cell's scores depend on.

        The content of a folder of data or of a model counts, not its place; of the hub, the name.

        Raises:
            AlignFreezeError: If a plugin cannot be loaded, or a file cannot be read.
        """
        choice, (task,) = self.choice(config), config.task
        without = {*HOW_FIELDS, "data", "model", "precision", "strategy", "strategy_args"}
        without |= {"objective", "objective_args"}
        if not choice.strategy.realigns:
            without |= set(CARRIED)
        return hash_of(
            {
                "code": self._once(
                    "code", "", lambda: hash_of([code_digest(), library_versions()])
                ),
                "config": config.model_dump(mode="json", exclude=without),
                "data": self._data(config, scored=choice.strategy.realigns),
                "model": self._once("model", config.model, lambda: _model_digest(config.model)),
                "precision": resolve_precision(config.precision),
                "strategy": choice.identity,
                "task": self._once("task", task, lambda: fingerprint(TASK, task)),
                **(self._realignment(config) if choice.strategy.realigns else {}),
            }
        )

    def choice(self, config: RunConfig) -> StrategyChoice:
        """The strategy of a cell, with what its model decides of it.

        Raises:
            AlignFreezeError: If it is unknown, a hyperparameter breaks its rule, or the model's
                configuration cannot be read.
        """
        n_layers = self._n_layers(config.model)
        asked = hash_of([config.strategy, config.strategy_args, n_layers])
        return self._once("strategy", asked, lambda: strategy_choices(config, n_layers)[-1])

    def is_paced(self, config: RunConfig) -> bool:
        """Whether what a cell's strategy trains depends on how many of the steps are done."""
        n_layers = self._n_layers(config.model)
        return is_paced(self.choice(config).strategy, usual_sites(n_layers), n_layers)

    def _n_layers(self, model: str) -> int:
        return self._once("layers", model, lambda: self._layers(model))

    def objective(self, config: RunConfig) -> ObjectiveChoice:
        """The objective of a cell.

        Raises:
            AlignFreezeError: If it is unknown, or a hyperparameter breaks its rule.
        """
        asked = hash_of([config.objective, config.objective_args])
        return self._once("objective", asked, lambda: objective_choice(config))

    def _realignment(self, config: RunConfig) -> dict[str, Any]:
        """What a cell that realigns depends on, beside its strategy."""
        choice = self.objective(config)
        linked = links_words(config, choice.objective)
        return {"objective": choice.identity, "links": self._links(config) if linked else []}

    def _data(self, config: RunConfig, *, scored: bool) -> str:
        """The hash of a cell's data; with scores of sentence pairs only if some are dropped."""
        scored = scored and config.pair_quality > 0
        kind = "data with scores" if scored else "data"
        return self._once(kind, config.data, lambda: _data_digest(config.data, scored=scored))

    def _links(self, config: RunConfig) -> list[Any]:
        """What the links of a cell's parallel text depend on, beside its data."""
        asked = config.model_dump(
            mode="json", include={*PARALLEL_FIELDS, "source_language", "data", "model"}
        )
        if subset := subset_of(config.realign_languages):
            asked |= {"targets": config.languages} if subset.by_targets else {}
            asked |= {"seed": config.seed} if subset.by_seed else {}
        return self._once(
            "links", hash_of(asked), lambda: alignment_identity(find_data(config.data), config)
        )

    def _once(self, kind: str, name: str, look: Callable[[], T]) -> T:
        if (kind, name) not in self._known:
            self._known[kind, name] = look()
        return cast(T, self._known[kind, name])


def _data_digest(data: str, *, scored: bool) -> str:
    source = find_data(data)
    _, colon, folder = data.partition(":")
    if source.supplier is not None and not colon:
        kept = [f"*/{pattern}" for pattern in SCORE_FILES]  # beside texts in the cache
        return f"{data} {folder_digest(source.root, *kept)}" if scored else data
    root = user_path("data", folder) if source.supplier else source.root
    return folder_digest(root, ALL_FILES, without=() if scored else SCORE_FILES)


def _model_digest(model: str) -> str:
    folder = model_folder(find_model(model))
    return model if folder is None else folder_digest(folder, ALL_FILES)
