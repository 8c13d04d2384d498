"""The cells of a grid: what each is, and what tells whether it is done."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any, TypeVar, cast

from alignfreeze.alignment.aligning import alignment_identity
from alignfreeze.base.digests import folder_digest, hash_of
from alignfreeze.base.paths import user_path
from alignfreeze.base.versions import code_digest, library_versions
from alignfreeze.benchmark.settings import Grid, strategy_of
from alignfreeze.config import RunConfig, as_argument, of_tasks
from alignfreeze.contracts.registry import TASK, fingerprint
from alignfreeze.data.bitexts import parallel_languages
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.stated import model_folder
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze.messages import shown
from alignfreeze.runs.identity import HOW_FIELDS, PARALLEL_FIELDS, REALIGN_FIELDS
from alignfreeze.runs.provenance import CARRIED
from alignfreeze.runs.strategies import StrategyChoice, strategy_choices
from alignfreeze.tracking.names import check_languages
from alignfreeze.training.devices import resolve_precision

T = TypeVar("T")

ALL_FILES = "**/*"

SCORE_FILES = ("parallel/*.scores", "parallel/*.scores.gz")
"""Files of scores of sentence pairs, in a folder of data, which runs read if pairs are dropped."""


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Attributes:
        config: What it does: one model, task, strategy and seed.
        identity: The hash of all that its scores depend on.
        realigns: Whether its strategy realigns.
        shares: Whether another cell of the grid has the same realignment.
        trajectory: What all cells have in common whose encoders are on the way of one realignment,
            each after as many steps as its task takes; empty where no other cell's is.
    """

    config: RunConfig
    identity: str
    realigns: bool
    shares: bool
    trajectory: str = ""

    @property
    def task(self) -> str:
        """Its task."""
        return self.config.task[0]

    @property
    def strategy(self) -> str:
        """Its strategy with its hyperparameters, those too that its model decides."""
        return entry_of(self.config)

    def __str__(self) -> str:
        """For a person."""
        config = self.config
        return f"{config.model}, {self.task}, {self.strategy}, seed {config.seed}"


def entry_of(config: RunConfig) -> str:
    """A configuration's strategy, as the option ``strategies`` takes it."""
    args = [f"{name}={as_argument(value)}" for name, value in config.strategy_args.items()]
    return ":".join([config.strategy, *args])


def read_layers(model: str) -> int:
    """How many layers a model has, as a configuration names it.

    Raises:
        EncoderError: If its configuration cannot be read.
    """
    return read_layer_count(find_model(model))


def cells_of(grid: Grid, layers: Callable[[str], int] = read_layers) -> list[Cell]:
    """The cells of a grid, in the order in which they are done.

    Those of a model and task come together, since they share their data, and those of a seed,
    since tasks share realigned encoders; strategies that realign come first, since they read the
    parallel text. What is asked for twice, such as ``front`` and the boundary that it comes to, is
    one cell.

    Args:
        grid: The grid.
        layers: Says how many layers a model has.

    Raises:
        AlignFreezeError: If a strategy, a task or the data is missing or does not fit.
    """
    dependencies = Dependencies(layers)
    strategies = [strategy_of(entry) for entry in grid.settings.strategies]
    asked: list[RunConfig] = []
    realigned: dict[tuple[str, str], Sequence[str]] = {}
    for model in grid.settings.models:
        by_task = _by_task(grid.by_model[model])
        realigned |= {(model, config.task[0]): own for config, own in by_task}
        for (config, _), seed in product(by_task, grid.settings.seeds):
            own = [
                config.model_copy(update={"strategy": name, "strategy_args": args, "seed": seed})
                for name, args in strategies
            ]
            asked += sorted(own, key=lambda c: not dependencies.choice(c).strategy.realigns)
    configs: dict[str, RunConfig] = {}
    for config in asked:
        said = dependencies.choice(config).applied_to(config)
        configs.setdefault(dependencies.identity(said), said)
    found = [
        Cell(config, identity, dependencies.choice(config).strategy.realigns, shares=False)
        for identity, config in configs.items()
    ]
    return _with_common(found, realigned)


def _with_common(
    cells: Sequence[Cell], realigned: Mapping[tuple[str, str], Sequence[str]]
) -> list[Cell]:
    """Cells with what they have in common, given the languages to realign by model and task."""
    shared = Counter(realignment_of(cell.config) for cell in cells)
    ways: defaultdict[str, set[str]] = defaultdict(set)
    for cell in cells:
        languages = realigned[cell.config.model, cell.task]
        if cell.realigns:
            ways[trajectory_of(cell.config, languages)].add(realignment_of(cell.config))
    several = {way for way, realignments in ways.items() if len(realignments) > 1}
    found = []
    for cell in cells:
        way = trajectory_of(cell.config, realigned[cell.config.model, cell.task])
        shares = cell.realigns and shared[realignment_of(cell.config)] > 1
        trajectory = way if cell.realigns and way in several else ""
        found.append(replace(cell, shares=shares, trajectory=trajectory))
    return found


def _by_task(config: RunConfig) -> list[tuple[RunConfig, Sequence[str]]]:
    """A configuration for each of its tasks, with the languages and settings that the task has.

    Beside it stand the languages that it realigns, as far as they have parallel text.
    """
    source = find_data(config.data, max_pairs=config.pair_limit)
    languages = {}
    for name, task in create_tasks(config).items():
        known = [code for code in task.languages_in(source) if code != config.source_language]
        languages[name] = tuple(c for c in config.languages or known if c in known)
    check_languages([config.source_language, *dict.fromkeys(chain(*languages.values()))])
    if config.languages:
        _check_languages(config.languages, languages)
    together = config.realign_languages
    if not together and config.realign_steps is not None and len(set(languages.values())) > 1:
        # The same for all tasks, so that they may share encoders; else each task's own.
        wanted = {code for found in languages.values() for code in found}
        available = parallel_languages(source, config.source_language)
        together = tuple(code for code in available if code in wanted)
    return [
        (
            config.model_copy(
                update={
                    "task": (name,),
                    **of_tasks(config.model_dump(include={"task_args", "eval_max_length"}), [name]),
                    "languages": found if config.languages else (),
                    "realign_languages": together,
                }
            ),
            together or sorted(found),
        )
        for name, found in languages.items()
    ]


def _check_languages(asked: Sequence[str], found: Mapping[str, Sequence[str]]) -> None:
    """Check that every language is one of a task's, and every task has one of the languages."""
    known = {language for own in found.values() for language in own}
    if missing := [language for language in asked if language not in known]:
        raise ConfigError(
            f"languages must have a test split in a task of the grid, got {shown(missing[0])}"
        )
    if without := [name for name, own in found.items() if not own]:
        raise ConfigError(
            f"languages must hold one that {without[0]} has a test split of, got {','.join(asked)}"
        )


def realignment_of(config: RunConfig) -> str:
    """The hash of what cells share that can have one realigned encoder."""
    own = config.model_dump(mode="json", include={*REALIGN_FIELDS, "model", "data"})
    steps = config.realign_steps or [config.task, config.finetune_steps, config.finetune_epochs]
    # Tasks with different languages realign with all of them, or for steps of their own.
    languages = config.realign_languages or config.languages
    return hash_of([own, entry_of(config), steps, languages])


def trajectory_of(config: RunConfig, languages: Sequence[str]) -> str:
    """The hash of all that a realignment of some languages is, but for its number of steps."""
    own = config.model_dump(mode="json", include={*REALIGN_FIELDS, "model", "data"})
    return hash_of([own, entry_of(config), list(languages)])


class Dependencies:
    """What cells depend on, each looked at once.

    Args:
        layers: Says how many layers a model has.
    """

    def __init__(self, layers: Callable[[str], int] = read_layers) -> None:
        self._layers = layers
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
                "data": self._data(config, scored=choice.strategy.realigns),
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
        n_layers = self._once("layers", model, lambda: self._layers(model))
        asked = hash_of([config.strategy, config.strategy_args, n_layers])
        return self._once("strategy", asked, lambda: strategy_choices(config, n_layers)[-1])

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
