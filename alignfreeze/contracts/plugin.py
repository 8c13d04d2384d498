"""What every plugin is."""

from pydantic import BaseModel, ConfigDict


class Plugin(BaseModel):
    """A frozen pydantic model; its fields are the plugin's hyperparameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")
