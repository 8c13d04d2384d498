"""What can be wrong with options, found before anything heavy is imported."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from alignfreeze.benchmark.settings import build_benchmark, plugin_of
from alignfreeze.cli.dry_run import without_dry_run
from alignfreeze.config import RunConfig, build_config, naming_origins, subset_of
from alignfreeze.credentials import STORAGE_VARIABLE
from alignfreeze.report.settings import build_report
from alignfreeze.scoring.settings import build_score
from alignfreeze.search.settings import SearchConfig, build_search
from alignfreeze.tracking.names import check_languages

if TYPE_CHECKING:
    from alignfreeze.contracts import DataSource, Task

RUN_ID = r"[a-zA-Z0-9][\w-]{0,255}"
"""What MLflow takes for a run's id."""


def _check_run(options: Mapping[str, str]) -> None:
    config = build_config(without_dry_run(options)[0])
    with naming_origins(options):
        _check_all(config, _strategies(config))


def _check_realign(options: Mapping[str, str]) -> None:
    config = build_config(without_dry_run(options)[0])
    # Labelled data says what is not given.
    labelled = not (config.realign_steps and config.realign_languages)
    with naming_origins(options):
        _check_all(config, _strategies(config), labelled=labelled)


def _check_evaluate(options: Mapping[str, str]) -> None:
    config = build_config(without_dry_run(options)[0])
    _check_encoder(config.encoder)
    # What the encoder was realigned with may change the rest.
    with naming_origins(options):
        _check_plugins(config)
        _data_at_hand(config)


def _check_search(options: Mapping[str, str]) -> None:
    from alignfreeze.contracts.registry import OBJECTIVE, load_plugin

    config, settings = build_search(options)
    check_storage(settings.storage)
    searched = settings.search_strategies or (config.strategy,)
    for name in settings.search_objectives:
        load_plugin(OBJECTIVE, name)
    with naming_origins(options):
        # Hyperparameters are what is searched.
        _check_all(config, [(name, None) for name in (*searched, *settings.references)])
        _check_space(config, settings)


def _check_space(config: RunConfig, settings: SearchConfig) -> None:
    from alignfreeze.search.space_building import build_space
    from alignfreeze.search.space_file import space_text

    text = space_text(settings) if settings.space else None
    n_layers = _stated(config).get("num_hidden_layers")
    if n_layers is None:
        return
    logging.disable(logging.INFO)  # the search tells it
    try:
        build_space(config, settings.plugins, n_layers, text, settings.space)
    finally:
        logging.disable(logging.NOTSET)


def _check_benchmark(options: Mapping[str, str]) -> None:
    from alignfreeze.contracts.registry import OBJECTIVE, create_plugin

    grid = build_benchmark(options)
    check_storage(grid.settings.storage)
    strategies = [plugin_of("strategies", entry) for entry in grid.settings.strategies]
    for entry in grid.settings.objectives:
        create_plugin(OBJECTIVE, *plugin_of("objectives", entry))
    # A model's own settings may be from elsewhere than those of all.
    own = bool(grid.settings.model_settings)
    with nullcontext() if own else naming_origins({**options, "preset": grid.run_preset}):
        for config in grid.by_model.values():
            _check_all(config, strategies)


def check_storage(url: str, *, begun: bool = False) -> None:
    """Check the URL of a study's storage, if there is one, and that of the environment if not.

    Args:
        url: As it is given.
        begun: Whether the study is there already.

    Raises:
        ConfigError: If there can be no such storage, or there is none.
    """
    if url := url or os.environ.get(STORAGE_VARIABLE, ""):
        from alignfreeze.workers.storage_urls import check_url  # half a second

        check_url(url, begun=begun)


def _check_align(options: Mapping[str, str]) -> None:
    from alignfreeze.data.language_choice import realignment_languages, require_distances

    config = build_config(options)
    _check_plugins(config)
    require_distances(config)
    if source := _data_at_hand(config):
        named = () if subset_of(config.realign_languages) else config.languages
        chosen = named or realignment_languages(source, config, config.languages)
        _check_texts(config, source, chosen)


def _check_score(options: Mapping[str, str]) -> None:
    from alignfreeze.encoders import stated

    config, _ = build_score(options)
    check_languages([config.source_language, *config.languages])
    if n_layers := _stated(config).get("num_hidden_layers"):
        stated.realigned_layers(config, n_layers)
    if source := _data_at_hand(config):
        from alignfreeze.data.bitexts import check_texts

        check_texts(source, config.source_language, config.languages)


def _check_data(options: Mapping[str, str]) -> None:
    from alignfreeze.data.language_choice import require_distances

    config = build_config(options)
    _check_plugins(config)
    require_distances(config)


Strategies = Sequence[tuple[str, Mapping[str, Any] | None]]
"""Names of strategies, with their hyperparameters; ``None`` where these are yet to be found."""


def _strategies(config: RunConfig) -> Strategies:
    return [*((name, {}) for name in config.compare), (config.strategy, config.strategy_args)]


def _check_all(config: RunConfig, strategies: Strategies, *, labelled: bool = True) -> None:
    """Check all of a configuration that can be checked before anything heavy is imported.

    Args:
        config: The configuration.
        strategies: What it is to be done with.
        labelled: Whether labelled data is read.
    """
    from alignfreeze.data.language_choice import realignment_languages, require_distances
    from alignfreeze.evaluation.tasks import covered_languages, target_languages

    tasks = _check_plugins(config)
    reads_text = _check_strategies(config, strategies) or config.alignment_pairs
    if reads_text:
        require_distances(config)
    source = _data_at_hand(config)
    if source is None:
        return
    for name, task in tasks.items() if labelled else ():
        target_languages(name, task, config, source)
    if reads_text:
        targets = covered_languages(tasks.values(), config, source)
        _check_texts(config, source, realignment_languages(source, config, targets))


def _check_texts(config: RunConfig, source: "DataSource", languages: Sequence[str]) -> None:
    """Check that a folder has the texts of some languages, and their scores where these are used.

    Languages that are not named are looked at later: which of them are wanted, tasks say.
    """
    from alignfreeze.data.bitexts import bitexts_at_hand, check_scores, check_texts

    check_texts(source, config.source_language, languages)
    bitexts = bitexts_at_hand(source, config.source_language, languages)
    check_scores(source, bitexts, config.pair_quality)


def _check_plugins(config: RunConfig) -> "dict[str, Task]":
    """Check the names of languages, the aligner, the objective, and the tasks, which it returns."""
    from alignfreeze.alignment.aligning import configured_aligner
    from alignfreeze.contracts.registry import OBJECTIVE, create_plugin
    from alignfreeze.evaluation.tasks import create_tasks

    check_languages([config.source_language, *config.languages, *config.realign_languages])
    if config.aligner != "auto":
        configured_aligner(config.aligner, config)
    create_plugin(OBJECTIVE, config.objective, config.objective_args)
    return create_tasks(config)


def _check_strategies(config: RunConfig, strategies: Strategies) -> bool:
    """Check strategies, layers and lengths against the model as far as its folder says what it is.

    Returns:
        Whether any of the strategies realigns.
    """
    from alignfreeze.contracts.registry import STRATEGY, create_plugin, load_plugin
    from alignfreeze.encoders import low_rank, stated, times

    made = [
        load_plugin(STRATEGY, name) if args is None else create_plugin(STRATEGY, name, args)
        for name, args in strategies
    ]
    numbers = _stated(config)
    if n_layers := numbers.get("num_hidden_layers"):
        stated.realigned_layers(config, n_layers)
        for (name, _), strategy in zip(strategies, made, strict=True):
            if not isinstance(strategy, type):
                who = f"strategy {name!r}"
                stated.check_boundaries(strategy, n_layers, who)
                sites = [*times.usual_sites(n_layers)]
                if any(strategy.low_rank(site, n_layers) for site in sites):
                    low_rank.check_library(who)
                if strategy.realigns and config.realigns("during"):
                    times.check_during(strategy, sites, n_layers, who, config.realign_when)
    if longest := numbers.get("max_position_embeddings"):
        stated.check_length(config, stated.LENGTHS, longest)
    return any(strategy.realigns for strategy in made)


def _stated(config: RunConfig) -> Mapping[str, int]:
    """The numbers of the model's configuration, as far as its folder says them."""
    from alignfreeze.data.finding import find_model
    from alignfreeze.encoders import stated

    folder = stated.model_folder(find_model(config.model))
    return stated.stated(folder) if folder else {}


def _check_encoder(encoder: str) -> None:
    """Check that there is an encoder to be evaluated: a folder, or a run that realigned."""
    from alignfreeze.base.paths import existing_folder
    from alignfreeze.encoders.stated import model_folder, no_encoder

    if not encoder:
        raise no_encoder(encoder)
    if folder := existing_folder(encoder):
        model_folder(str(folder.absolute()))
        return
    if not re.fullmatch(RUN_ID, encoder):
        raise no_encoder(encoder)
    from alignfreeze.tracking import location, store  # takes a second, but no torch

    if not location.has_store() or store.find_realignment(encoder) is None:
        store.contact()  # of one that is away nothing is known
        raise no_encoder(encoder)


def _data_at_hand(config: RunConfig) -> "DataSource | None":
    """The data of a configuration; ``None`` if it is the hub's, which is asked for later."""
    from alignfreeze.data.finding import HUB, find_data

    source = None if config.data == HUB else find_data(config.data)
    return None if source is None or source.supplier else source


CHECKS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    "run": _check_run,
    "realign": _check_realign,
    "evaluate": _check_evaluate,
    "search": _check_search,
    "benchmark": _check_benchmark,
    "report": build_report,
    "align": _check_align,
    "score": _check_score,
    "data check": _check_data,
    "config": build_config,
}
"""What checks the options of a command: it raises an AlignFreezeError where one is wrong."""
