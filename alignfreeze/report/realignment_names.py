"""What reports call a realignment: its strategy, its objective, and when it was."""

import ast
from collections.abc import Mapping
from contextlib import suppress

from alignfreeze.config import BASELINE, RunConfig, as_argument
from alignfreeze.contracts.registry import OBJECTIVE, load_plugin
from alignfreeze.errors import PluginError
from alignfreeze.tracking.names import IMPORTED
from alignfreeze.tracking.reference import as_ours
from alignfreeze.tracking.store import StoredRun

USUAL = {name: RunConfig.model_fields[name].default for name in ("objective", "realign_when")}
"""Settings of realignment that a row is called by wherever they are not these."""


def is_imported(run: StoredRun) -> bool:
    """Whether a run holds results of another program."""
    return run.tags.get(IMPORTED) == "true"


def strategy_of(run: StoredRun) -> str:
    """A run's strategy, of an imported result as ours are called."""
    strategy = run.tags["strategy"]
    return as_ours(strategy)[0] if is_imported(run) else strategy


def arguments(run: StoredRun, param: str) -> dict[str, object]:
    """Hyperparameters that a param holds; none where it cannot be read."""
    with suppress(ValueError, SyntaxError):
        found = ast.literal_eval(run.params.get(param, "{}"))
        return found if isinstance(found, dict) else {}
    return {}


def written(plugin: str, args: Mapping[str, object]) -> str:
    """A plugin with its hyperparameters: ``front(boundary=3)``."""
    written = ", ".join(f"{name}={as_argument(value)}" for name, value in sorted(args.items()))
    return f"{plugin}({written})" if written else plugin


def realigned_as(run: StoredRun) -> dict[str, str]:
    """A run's settings of those in `USUAL`, those of an older run that knew no others too.

    Nothing for a baseline, and of an imported result what is known.
    """
    if run.tags["strategy"] == BASELINE:
        return {}
    if is_imported(run):
        return {"realign_when": as_ours(run.tags["strategy"])[1]}
    known = USUAL | {name: run.params[name] for name in USUAL if name in run.params}
    return known | {"objective": written(known["objective"], arguments(run, "objective_args"))}


def links_words(run: StoredRun) -> bool:
    """Whether a run's objective takes aligned words; of one that is not installed nobody knows."""
    try:
        objective = run.params.get("objective", USUAL["objective"])
        return load_plugin(OBJECTIVE, objective).needs_links
    except PluginError:
        return True


def row_name(run: StoredRun) -> str:
    """A run's strategy, and which objective and time of realignment are not the usual ones."""
    found = realigned_as(run)
    unusual = [f"{name}={value}" for name, value in found.items() if value != USUAL[name]]
    return ", ".join([strategy_of(run), *unusual])
