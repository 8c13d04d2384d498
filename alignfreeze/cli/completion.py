"""What a shell offers for the value of an option."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from alignfreeze.config import preset_names
from alignfreeze.errors import PluginError

Completion = Callable[[str], list[str]]


def _plugins(noun: str) -> list[str]:
    """The names of plugins of a kind, whose contracts take a tenth of a second to import."""
    from alignfreeze.contracts.registry import KINDS, plugin_names

    return plugin_names(next(kind for kind in KINDS if kind.noun == noun))


_NAMES: Mapping[str, Callable[[], Sequence[str]]] = {
    "preset": preset_names,
    **dict.fromkeys(
        ("strategy", "compare", "strategies", "search_strategies", "references"),
        lambda: _plugins("strategy"),
    ),
    **dict.fromkeys(("objective", "search_objectives"), lambda: _plugins("objective")),
    **dict.fromkeys(("task", "tasks"), lambda: _plugins("task")),
    "aligner": lambda: ["auto", *_plugins("aligner")],
}
"""What names there are for the value of an option; for all others shells offer files."""


def completion_of(name: str, field: FieldInfo) -> Completion | None:
    """What completes the value of an option; of several with commas, the last. ``None``: files."""
    known: Callable[[], Sequence[str]] | None = _NAMES.get(name)
    if get_origin(field.annotation) is Literal:
        known = lambda: get_args(field.annotation)  # noqa: E731
    if known is None:
        return None
    several = get_origin(field.annotation) is tuple

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",") if several else ("", "", incomplete)
        try:
            return [f"{before}{comma}{name}" for name in known() if name.startswith(last)]
        except PluginError:  # nothing is installed; a shell is not told
            return []

    return complete
