"""What every plugin is."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from alignfreeze.contracts.guarding import guard_methods


class Plugin(BaseModel):
    """A frozen pydantic model; its fields are the plugin's hyperparameters.

    An exception of its methods is told as its own, wherever they are called.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Guard the methods that a subclass writes."""
        super().__pydantic_init_subclass__(**options)
        guard_methods(cls)

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Its fields by name; pydantic's own, guarded as a method of the plugin's."""
        return super().model_dump(**options)


guard_methods(Plugin)
