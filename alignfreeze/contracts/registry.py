"""Plugins of all kinds by name: entry points, checked when they are asked for."""

import hashlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from itertools import starmap
from pathlib import Path
from typing import Generic, TypeVar

from pydantic.fields import FieldInfo

from alignfreeze import PACKAGES
from alignfreeze.config import checked, option_names
from alignfreeze.contracts import Aligner, FreezingStrategy, Objective, Plugin, Task
from alignfreeze.contracts.guarding import calling
from alignfreeze.errors import ConfigError, PluginError, one_line
from alignfreeze.messages import shown, suggestion

P_co = TypeVar("P_co", bound=Plugin, covariant=True)


@dataclass(frozen=True)
class PluginKind(Generic[P_co]):
    """What plugins of one kind are called, where they register, and what they implement."""

    noun: str
    group: str
    contract: type[P_co]


STRATEGY = PluginKind("strategy", "alignfreeze.strategies", FreezingStrategy)
TASK = PluginKind("task", "alignfreeze.tasks", Task)
ALIGNER = PluginKind("aligner", "alignfreeze.aligners", Aligner)
OBJECTIVE = PluginKind("objective", "alignfreeze.objectives", Objective)
KINDS: tuple[PluginKind[Plugin], ...] = (STRATEGY, TASK, ALIGNER, OBJECTIVE)


@dataclass(frozen=True)
class PluginInfo:
    """A line of the catalogue.

    Attributes:
        kind: ``strategy``, ``task``, ``aligner`` or ``objective``.
        name: The name that it is asked for by.
        distribution: Name and version of what registers it; several, with commas, where more than
            one claims the name.
        summary: First line of its docstring; empty if it is broken, as are the others.
        fields: Its hyperparameters: ``name=default`` or ``name=required``.
        languages: A task's target languages of the published experiments.
        problem: Why it cannot be used; ``None`` if it can.
    """

    kind: str
    name: str
    distribution: str
    summary: str = ""
    fields: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    problem: str | None = None


def load_plugin(kind: PluginKind[P_co], name: str) -> type[P_co]:
    """Import a plugin's class and check it.

    Raises:
        PluginError: If the name is unknown or claimed by two distributions, if its import
            fails, or if it does not implement the contract.
    """
    entry_point = _entry_point(kind, name)
    try:
        loaded = entry_point.load()
    except (Exception, SystemExit) as error:
        why = f"it calls sys.exit({error.code!r:.60})" if isinstance(error, SystemExit) else ""
        problem = f"cannot be loaded: {why or one_line(error)}"
        raise PluginError(f"{_said(kind, entry_point)} {problem}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, kind.contract)):
        rule = f"must be a subclass of {kind.contract.__name__}"
        raise PluginError(f"{_said(kind, entry_point)} {rule}, got {entry_point.value}")
    lacking = [name for name in inspect.get_annotations(kind.contract) if not hasattr(loaded, name)]
    if lacking:
        raise PluginError(f"{_said(kind, entry_point)} must have {', '.join(lacking)}")
    if hidden := sorted(_methods(kind.contract) & loaded.model_fields.keys()):
        raise PluginError(
            f"{_said(kind, entry_point)} has a hyperparameter {hidden[0]!r}, which is a method of "
            f"{kind.contract.__name__}; it needs another name"
        )
    _LOADED[loaded] = kind, entry_point
    return loaded


def _methods(contract: type[Plugin]) -> set[str]:
    """The methods that a contract has of its own; a field of such a name would hide one."""
    classes = [cls for cls in contract.__mro__ if issubclass(cls, Plugin)]
    return {name for cls in classes for name, own in vars(cls).items() if inspect.isfunction(own)}


_LOADED: dict[type[Plugin], tuple[PluginKind[Plugin], EntryPoint]] = {}
"""Whose the classes are that have been loaded."""


def create_plugin(kind: PluginKind[P_co], name: str, args: Mapping[str, object]) -> P_co:
    """Make an instance with values of its fields; those not given have their defaults.

    Raises:
        PluginError: If the plugin cannot be loaded.
        ConfigError: If a value breaks its rule, or a field is unknown; one line.
    """
    plugin = load_plugin(kind, name)
    try:
        with calling(plugin, "a rule of its fields"):
            return checked(plugin, args)
    except ConfigError as error:
        raise ConfigError(f"{kind.noun} {shown(name)}: {error}") from None


def plugin_names(kind: PluginKind[Plugin]) -> list[str]:
    """The names that plugins of a kind are registered by, sorted; none of them is imported.

    Raises:
        PluginError: If there is none, since then the project is not installed.
    """
    return sorted(_claims(kind))


def catalogue(kinds: Sequence[PluginKind[Plugin]] = KINDS) -> list[PluginInfo]:
    """Describe every plugin, the broken ones with the reason; loads them all.

    Raises:
        PluginError: If a kind has no plugin at all, since then the project is not installed.
    """
    return [_info(kind, name) for kind in kinds for name in plugin_names(kind)]


def claimants(kind: PluginKind[Plugin], name: str) -> list[str]:
    """The distributions that register a name, sorted; none if nobody does.

    Raises:
        PluginError: If the kind has no plugin at all.
    """
    return sorted(map(_owner, _claims(kind).get(name, ())))


def described(kind: PluginKind[Plugin], name: str) -> str:
    """A plugin as messages name it: its kind, its name, and the distribution that it is of.

    Raises:
        PluginError: If the name is unknown or claimed by two distributions.
    """
    return _said(kind, _entry_point(kind, name))


def described_class(plugin: type) -> str:
    """A plugin by its class, as messages name it; by the class's name if nobody has registered it.

    A class that has come by pickle is found by where it was defined.
    """
    if plugin in _LOADED:
        return _said(*_LOADED[plugin])
    kinds = [kind for kind in KINDS if issubclass(plugin, kind.contract)]
    for kind in kinds:
        for entry_point in entry_points(group=kind.group):
            if entry_point.value == f"{plugin.__module__}:{plugin.__qualname__}":
                return _said(kind, entry_point)
    return f"{kinds[0].noun if kinds else 'plugin'} {plugin.__name__!r}"


def fingerprint(kind: PluginKind[Plugin], name: str) -> str:
    """What identifies a plugin's code, for caches: distribution, version, hash of its sources.

    The sources are the files that define its class and the plugin classes above it, with all
    others of the package that each is in: the outermost one, but for the built-in plugins, of which
    ``alignfreeze_tasks.qa`` is one. The version alone stands for code that has no source file, and
    for what those files import from elsewhere.

    Raises:
        PluginError: If the plugin cannot be loaded.
    """
    plugin = load_plugin(kind, name)
    owner = _owner(_entry_point(kind, name))
    classes = [cls for cls in plugin.__mro__ if issubclass(cls, Plugin)]
    contents = [content for cls in classes for content in _sources(cls)]
    if not contents:
        return owner
    hashes = "".join(hashlib.sha256(content).hexdigest() for content in contents)
    return f"{owner} sha256:{hashlib.sha256(hashes.encode()).hexdigest()}"


def _claims(kind: PluginKind[Plugin]) -> dict[str, list[EntryPoint]]:
    """Who claims which name; ``entry_points`` counts a distribution that is found twice once."""
    claims = _registered(kind.group, tuple((place, _changed(place)) for place in sys.path))
    if not claims:
        raise PluginError(
            f"no {kind.noun} is registered, so AlignFreeze is not installed: pip install -e ."
        )
    return claims


@lru_cache(maxsize=16)
def _registered(
    group: str, places: tuple[tuple[str, int | None], ...]
) -> dict[str, list[EntryPoint]]:
    """The entry points of a group by name, read again only where folders of the path changed."""
    claims: dict[str, list[EntryPoint]] = defaultdict(list)
    for entry_point in entry_points(group=group):
        claims[entry_point.name].append(entry_point)
    return claims


def _changed(place: str) -> int | None:
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return None


def _entry_point(kind: PluginKind[Plugin], name: str) -> EntryPoint:
    claims = _claims(kind)
    if name not in claims:
        hint = suggestion(name, sorted(claims)) or ";"
        raise PluginError(f"no {kind.noun} {shown(name)}{hint} known: {', '.join(sorted(claims))}")
    if len(claims[name]) > 1:
        owners = " and ".join(sorted(f"{_owner(e)} ({e.value})" for e in claims[name]))
        raise PluginError(
            f"{kind.noun} {shown(name)} is claimed by {owners}; uninstall all but one"
        )
    return claims[name][0]


def _info(kind: PluginKind[Plugin], name: str) -> PluginInfo:
    info = PluginInfo(kind.noun, name, distribution=", ".join(claimants(kind, name)))
    try:
        plugin = load_plugin(kind, name)
        return replace(
            info,
            summary=(plugin.__doc__ or "").strip().partition("\n")[0],
            fields=tuple(starmap(_field, option_names(plugin).items())),
            languages=plugin.languages if issubclass(plugin, Task) else (),
        )
    except PluginError as error:
        return replace(info, problem=str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  it must not hide the others
        problem = f"{kind.noun} {shown(name)} cannot be described: {one_line(error)}"
        return replace(info, problem=problem)


def _field(name: str, info: FieldInfo) -> str:
    if info.is_required():
        return f"{name}=required"
    return f"{name}={info.get_default(call_default_factory=True, validated_data={})!r}"


def _said(kind: PluginKind[Plugin], entry_point: EntryPoint) -> str:
    return f"{kind.noun} {entry_point.name!r} of {_owner(entry_point)}"


def _owner(entry_point: EntryPoint) -> str:
    if entry_point.dist is None:
        return "an unknown distribution"
    return _name_and_version(entry_point.dist)


@lru_cache(maxsize=64)
def _name_and_version(distribution: Distribution) -> str:
    """As its metadata say, a file that is read and parsed whenever one of them is asked for."""
    name, version = (distribution.metadata[key] for key in ("Name", "Version"))
    return f"{name or 'an unnamed distribution'} {version or '(no version)'}"


def _sources(cls: type) -> list[bytes]:
    """The content of the file that defines a class, and of what else may be its code, if any."""
    try:
        source = inspect.getsourcefile(cls)
        if source is None:
            return []
        file = Path(source)
        modules = cls.__module__.split(".")
        packages = modules if file.name == "__init__.py" else modules[:-1]
        if not packages or (packages == [packages[0]] and packages[0] in PACKAGES):
            files: Iterable[Path] = [file]
        elif packages[0] in PACKAGES:
            files = file.parent.glob("*.py")
        else:
            files = file.parents[len(packages) - 1].rglob("*.py")
        return [path.read_bytes() for path in sorted(files)]
    except (OSError, TypeError):
        return []
