"""What can be wrong with options, found before anything heavy is imported."""

from collections.abc import Callable, Iterable, Mapping

from alignfreeze.benchmark.settings import build_benchmark, strategy_of
from alignfreeze.cli.dry_run import without_dry_run
from alignfreeze.config import RunConfig, build_config
from alignfreeze.errors import ConfigError
from alignfreeze.report.settings import build_report
from alignfreeze.search.settings import build_search
from alignfreeze.tracking.names import check_languages


def _check_run(options: Mapping[str, str]) -> None:
    from alignfreeze.contracts.registry import STRATEGY, create_plugin

    config = build_config(without_dry_run(options)[0])
    create_plugin(STRATEGY, config.strategy, config.strategy_args)
    _check_named(config, config.compare)


def _check_evaluate(options: Mapping[str, str]) -> None:
    config = build_config(without_dry_run(options)[0])
    if not config.encoder:
        raise ConfigError("encoder must be given: a run that realigned, by its id, or a folder")
    _check_named(config, ())


def _check_search(options: Mapping[str, str]) -> None:
    config, settings = build_search(options)
    searched = settings.search_strategies or (config.strategy,)
    _check_named(config, [*searched, *settings.references])


def _check_benchmark(options: Mapping[str, str]) -> None:
    grid = build_benchmark(options)
    strategies = [strategy_of(entry)[0] for entry in grid.settings.strategies]
    for config in grid.by_model.values():
        _check_named(config, strategies)


def _check_data(options: Mapping[str, str]) -> None:
    _check_named(build_config(options), ())


def _check_named(config: RunConfig, strategies: Iterable[str]) -> None:
    """Check that strategies, the plugins, languages and the folder of a configuration are there."""
    from alignfreeze.contracts.registry import ALIGNER, STRATEGY, TASK, load_plugin
    from alignfreeze.data.finding import DEMO, HUB, find_data

    check_languages([config.source_language, *config.languages, *config.realign_languages])
    if config.data not in (DEMO, HUB):
        find_data(config.data)
    for strategy in strategies:
        load_plugin(STRATEGY, strategy)
    for task in config.task:
        load_plugin(TASK, task)
    if config.aligner != "auto":
        load_plugin(ALIGNER, config.aligner)


CHECKS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    "run": _check_run,
    "realign": _check_run,
    "evaluate": _check_evaluate,
    "search": _check_search,
    "benchmark": _check_benchmark,
    "report": build_report,
    "align": build_config,
    "data check": _check_data,
    "config": build_config,
}
"""What checks the options of a command: it raises an AlignFreezeError where one is wrong."""
