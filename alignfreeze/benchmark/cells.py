"""The cells of a grid: what each is, and what tells whether it is done."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

from alignfreeze.base.digests import hash_of
from alignfreeze.benchmark.dependencies import Dependencies, read_layers
from alignfreeze.benchmark.settings import BenchmarkConfig, Grid, plugin_of
from alignfreeze.config import RunConfig, as_argument, of_tasks, subset_of
from alignfreeze.data.bitexts import parallel_languages
from alignfreeze.data.finding import find_data
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.tasks import create_tasks
from alignfreeze.messages import shown
from alignfreeze.runs.identity import REALIGN_FIELDS
from alignfreeze.tracking.names import check_languages

USUAL = {name: RunConfig.model_fields[name].default for name in ("objective", "realign_when")}
"""What is not said of a cell."""


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Attributes:
        config: What it does: one model, task, strategy, objective, time and seed.
        identity: The hash of all that its scores depend on.
        realigns: Whether its strategy realigns.
        shares: Whether another cell of the grid fine-tunes the same realigned encoder.
        is_paced: Whether what its strategy trains depends on how many steps there are, so that it
            is on the way of no other.
        trajectory: What all cells have in common whose encoders are on the way of one realignment,
            each after as many steps as its task takes; empty where no other cell's is.
    """

    config: RunConfig
    identity: str
    realigns: bool
    shares: bool
    is_paced: bool = False
    trajectory: str = ""

    @property
    def task(self) -> str:
        """Its task."""
        return self.config.task[0]

    @property
    def strategy(self) -> str:
        """Its strategy with its hyperparameters, those too that its model decides."""
        return entry_of(self.config.strategy, self.config.strategy_args)

    @property
    def objective(self) -> str:
        """Its objective with its hyperparameters; empty if it does not realign."""
        config = self.config
        return entry_of(config.objective, config.objective_args) if self.realigns else ""

    @property
    def realign_when(self) -> str:
        """When it realigns; empty if it does not."""
        return self.config.realign_when if self.realigns else ""

    @property
    def realigns_before(self) -> bool:
        """Whether what it fine-tunes is realigned before, which other cells may share."""
        return self.realigns and self.config.realigns("before")

    @property
    def realigns_within(self) -> bool:
        """Whether it realigns during its fine-tuning, or after it, which none can share."""
        return self.realigns and (self.config.realigns("during") or self.config.realigns("after"))

    @property
    def variant(self) -> str:
        """Its strategy, and what else of its realignment is not the usual: a row of a table."""
        own = {"objective": self.objective, "realign_when": self.realign_when}
        said = [f"{name}={value}" for name, value in own.items() if value not in ("", USUAL[name])]
        return ", ".join([self.strategy, *said])

    def __str__(self) -> str:
        """For a person."""
        config = self.config
        return f"{config.model}, {self.task}, {self.variant}, seed {config.seed}"


def entry_of(name: str, args: Mapping[str, Any]) -> str:
    """A plugin with its hyperparameters, as ``strategies`` and ``objectives`` take it."""
    return ":".join([name, *(f"{field}={as_argument(value)}" for field, value in args.items())])


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
    variants = list(_variants(grid.settings))
    asked: list[RunConfig] = []
    realigned: dict[tuple[str, str], Sequence[str]] = {}
    for model in grid.settings.models:
        by_task = _by_task(grid.by_model[model])
        realigned |= {(model, config.task[0]): own for config, own in by_task}
        for (config, _), seed in product(by_task, grid.settings.seeds):
            own = [config.model_copy(update={**variant, "seed": seed}) for variant in variants]
            asked += sorted(own, key=lambda c: not dependencies.choice(c).strategy.realigns)
    configs: dict[str, RunConfig] = {}
    for config in asked:
        said = dependencies.said(config)
        configs.setdefault(dependencies.identity(said), said)
    found = []
    for identity, config in configs.items():
        realigns = dependencies.choice(config).strategy.realigns
        paced = dependencies.is_paced(config)
        found.append(Cell(config, identity, realigns, shares=False, is_paced=paced))
    return _with_common(found, realigned)


def _variants(settings: BenchmarkConfig) -> Iterator[dict[str, Any]]:
    """The options of each combination of a strategy, an objective, and when to realign."""
    sides = (
        [plugin_of("strategies", entry) for entry in settings.strategies],
        [plugin_of("objectives", entry) for entry in settings.objectives],
        settings.realign_when,
    )
    for (strategy, args), (objective, of_objective), when in product(*sides):
        yield {
            "strategy": strategy,
            "strategy_args": args,
            "objective": objective,
            "objective_args": of_objective,
            "realign_when": when,
        }


def _with_common(
    cells: Sequence[Cell], realigned: Mapping[tuple[str, str], Sequence[str]]
) -> list[Cell]:
    """Cells with what they have in common, given the languages to realign by model and task."""
    shared = Counter(realignment_of(cell.config) for cell in cells if cell.realigns_before)
    ways: defaultdict[str, set[str]] = defaultdict(set)
    for cell in cells:
        languages = realigned[cell.config.model, cell.task]
        if cell.realigns_before and not cell.is_paced:
            ways[trajectory_of(cell.config, languages)].add(realignment_of(cell.config))
    several = {way for way, realignments in ways.items() if len(realignments) > 1}
    found = []
    for cell in cells:
        way = trajectory_of(cell.config, realigned[cell.config.model, cell.task])
        shares = cell.realigns_before and shared[realignment_of(cell.config)] > 1
        trajectory = way if cell.realigns_before and way in several else ""
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
    together, subset = config.realign_languages, subset_of(config.realign_languages)
    covers = subset is not None and subset.by_targets
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
                    "languages": found if config.languages or covers else (),
                    "realign_languages": together,
                }
            ),
            (*together, *found) if covers else together or sorted(found),
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
    steps = config.realign_steps or [config.task, config.finetune_steps, config.finetune_epochs]
    # Tasks with different languages realign with all of them, or for steps of their own.
    languages = config.realign_languages or config.languages
    subset = subset_of(config.realign_languages)
    if subset is not None and subset.by_targets:
        languages = (*languages, *config.languages)
    return hash_of([*_way(config), steps, languages])


def trajectory_of(config: RunConfig, languages: Sequence[str]) -> str:
    """The hash of all that a realignment of some languages is, but for its number of steps."""
    return hash_of([*_way(config), list(languages)])


def _way(config: RunConfig) -> list[Any]:
    """What a realignment is, but for its languages and its number of steps."""
    own = config.model_dump(mode="json", include={*REALIGN_FIELDS, "model", "data"})
    return [
        own,
        entry_of(config.strategy, config.strategy_args),
        entry_of(config.objective, config.objective_args),
    ]
