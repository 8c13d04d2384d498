"""What every plugin is."""

from collections.abc import Mapping, Set
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from alignfreeze.contracts.guarding import guard_methods
from alignfreeze.contracts.lists import with_lists


class Plugin(BaseModel):
    """A frozen pydantic model; its fields are the plugin's hyperparameters.

    A field that is a tuple, a list or a set of single values takes a text such as ``0+2`` too.
    An exception of its methods is told as its own, wherever they are called.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Guard the methods that a subclass writes."""
        super().__pydantic_init_subclass__(**options)
        guard_methods(cls)

    @model_validator(mode="before")
    @classmethod
    def _with_lists(cls, values: Any) -> Any:
        return with_lists(cls, values) if isinstance(values, Mapping) else values

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Its fields by name; pydantic's own, guarded as a method of the plugin's.

        For JSON, sets are sorted: what identifies a result is the same in every process.
        """
        values = super().model_dump(**options)
        for name, info in type(self).model_fields.items() if options.get("mode") == "json" else ():
            if isinstance(getattr(self, name), Set):
                for key in values.keys() & {name, info.serialization_alias}:
                    values[key] = sorted(values[key], key=lambda item: (str(type(item)), item))
        return values


guard_methods(Plugin)
