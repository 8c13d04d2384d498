"""The code of a search and of the plugins that its trials run: another may score otherwise."""

from alignfreeze.base.digests import file_digest, hash_of
from alignfreeze.base.versions import imported_modules
from alignfreeze.config import BASELINE, RunConfig
from alignfreeze.contracts.registry import ALIGNER, STRATEGY, TASK, fingerprint
from alignfreeze.data.bitexts import AUTO_ALIGNERS
from alignfreeze.search.settings import SearchConfig

VERSION = "version of alignfreeze"
"""What the code of the project itself is called where it is compared."""


def search_code() -> str:
    """The hash of the search's own code that decides what a trial is worth: all that it imports."""
    files = imported_modules(["alignfreeze.search.trials"], below="alignfreeze.search.").values()
    return hash_of(sorted(file_digest(path) for path in files))


def searched_strategies(config: RunConfig, settings: SearchConfig) -> tuple[str, ...]:
    """The strategies to choose among."""
    return settings.search_strategies or (config.strategy,)


def plugin_codes(
    config: RunConfig, settings: SearchConfig, searched_aligners: tuple[str, ...] = ()
) -> dict[str, str]:
    """What identifies the code of strategies, tasks and aligners, by their kind and name.

    References are not among them: trials do not depend on them (see `strategy_code`).

    Args:
        config: Of the runs.
        settings: Of the search.
        searched_aligners: The aligners to choose among, where they are searched.

    Raises:
        PluginError: If one cannot be loaded.
    """
    aligners = [
        name
        for asked in (config.aligner, *searched_aligners)
        for name in (AUTO_ALIGNERS if asked == "auto" else (asked,))
    ]
    asked = (
        (STRATEGY, (*searched_strategies(config, settings), BASELINE)),
        (TASK, config.task),
        (ALIGNER, aligners),
    )
    return {f"{k.noun} {name!r}": fingerprint(k, name) for k, names in asked for name in names}


def strategy_code(config: RunConfig) -> str:
    """What identifies the code of a configuration's strategy.

    Raises:
        PluginError: If it cannot be loaded.
    """
    return fingerprint(STRATEGY, config.strategy)
