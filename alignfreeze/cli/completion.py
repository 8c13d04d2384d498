"""What a shell offers for the value of an option."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from alignfreeze.config import preset_names
from alignfreeze.contracts.registry import ALIGNER, STRATEGY, TASK, plugin_names
from alignfreeze.errors import PluginError

Completion = Callable[[str], list[str]]

_NAMES: Mapping[str, Callable[[], Sequence[str]]] = {
    "preset": preset_names,
    **dict.fromkeys(
        ("strategy", "compare", "strategies", "search_strategies", "references"),
        lambda: plugin_names(STRATEGY),
    ),
    **dict.fromkeys(("task", "tasks"), lambda: plugin_names(TASK)),
    "aligner": lambda: ["auto", *plugin_names(ALIGNER)],
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
