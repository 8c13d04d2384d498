"""What plugins of any kind must do whose instances their author names."""

import pickle
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from pydantic import ValidationError

from alignfreeze.contracts import Plugin

P = TypeVar("P", bound=Plugin)


class PluginContract(Generic[P]):
    """Contract tests of the fields of a plugin; a subclass says of which kind."""

    kind: type[P]

    def instances(self) -> Sequence[P]:
        """The instances to test, one with the defaults among them if all fields have some."""
        raise NotImplementedError(
            f"{type(self).__name__} must have a method instances that returns what to test"
        )

    def test_has_a_summary(self) -> None:
        """`alignfreeze plugins` shows the first line of the docstring."""
        for plugin in self._instances():
            assert (type(plugin).__doc__ or "").strip(), f"{type(plugin)} has no docstring"

    def test_is_frozen(self) -> None:
        """A plugin cannot change, nor take a field that it does not know."""
        for plugin in self._instances():
            assert isinstance(plugin, self.kind), f"{plugin!r} must be a {self.kind.__name__}"
            assert type(plugin).model_config.get("frozen"), f"{plugin!r} is not frozen"
            held = (getattr(plugin, name) for name in type(plugin).model_fields)
            for value in held:
                rule = f"{plugin!r} must hold values that cannot change, tuple or frozenset"
                assert isinstance(value, Hashable), f"{rule}, got {type(value).__name__}"
            assert hash(plugin) == hash(plugin.model_copy()), f"{plugin!r} has no stable hash"
            try:
                type(plugin).model_validate({**plugin.model_dump(), "no_such_field": 1})
            except ValidationError:
                continue
            raise AssertionError(f"{plugin!r} accepts a field that it does not have")

    def test_round_trips(self) -> None:
        """It survives pickling, and JSON, in which a run's configuration is kept."""
        for plugin in self._instances():
            assert pickle.loads(pickle.dumps(plugin)) == plugin, f"{plugin!r} by pickle"
            text = plugin.model_dump_json()
            assert type(plugin).model_validate_json(text) == plugin, f"{plugin!r} by JSON"

    def _instances(self) -> Sequence[P]:
        instances = self.instances()
        assert instances, "instances() must name at least one plugin to test"
        return instances
