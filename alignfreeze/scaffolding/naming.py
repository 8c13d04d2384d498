"""What the parts of a new plugin are called, and which names it cannot have."""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from alignfreeze.contracts.plugin import Plugin
from alignfreeze.contracts.registry import (
    ALIGNER,
    KINDS,
    OBJECTIVE,
    STRATEGY,
    TASK,
    PluginKind,
    claimants,
)
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

LONGEST = 24
"""Characters of a name; with more, lines of the made code would be too long."""

RESERVED = {ALIGNER.noun: ("auto",)}
"""By kind, what the command line takes for something else."""

SUFFIXES = {
    STRATEGY.noun: "Freezing",
    TASK.noun: "Task",
    ALIGNER.noun: "Aligner",
    OBJECTIVE.noun: "Objective",
}
"""By kind, how its classes' names end."""


@dataclass(frozen=True)
class PluginNames:
    """What the parts of a plugin are called.

    Attributes:
        name: What it is asked for by.
        kind: ``strategy``, ``task``, ``aligner`` or ``objective``.
        group: The group of its entry point.
    """

    name: str
    kind: str
    group: str

    @property
    def distribution(self) -> str:
        """What pip knows it by, and its folder."""
        return f"alignfreeze-{self.name.replace('_', '-')}"

    @property
    def package(self) -> str:
        """What it is imported by."""
        return f"alignfreeze_{self.name.replace('-', '_')}"

    @property
    def class_name(self) -> str:
        """The name of its class."""
        words, suffix = re.split("[-_]", self.name), SUFFIXES[self.kind]
        return "".join(map(str.capitalize, words)).removesuffix(suffix) + suffix


def plugin_names(name: str, kind: str) -> PluginNames:
    """What the parts of a new plugin are called.

    Args:
        name: What it is to be asked for by.
        kind: Its kind, by its noun.

    Raises:
        ConfigError: If the name breaks a rule, or if there is such a plugin, distribution or
            package already; names what there is.
    """
    found: PluginKind[Plugin] = next(known for known in KINDS if known.noun == kind)
    if not re.fullmatch("[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) or len(name) > LONGEST:
        raise ConfigError(
            f"a plugin's name must begin with a lower-case letter and go on with such, digits, and "
            f"single - or _ between them, {LONGEST} characters at most, got {shown(name)}"
        )
    names = PluginNames(name, kind, found.group)
    taken = ""
    if name in RESERVED.get(kind, ()):
        taken = f"{kind}={name} means something else"
    elif owners := claimants(found, name):
        taken = f"there is a {kind} of that name, of {' and '.join(owners)}"
    elif _is_installed(names.distribution):
        taken = f"a distribution {names.distribution} is installed"
    elif find_spec(names.package) is not None:
        taken = f"there is a package {names.package}"
    if taken:
        raise ConfigError(f"a plugin's name must be new, got {shown(name)}: {taken}")
    return names


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
