"""What is said about a study's workers: how many there are, what starts them, where they meet."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from alignfreeze.config import Arguments


class WorkersConfig(BaseModel):
    """A study that several processes work on. Field descriptions are the command line's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    study: str = Field(
        "",
        description="name of the study (default: a hash of what its scores depend on)",
        pattern="^[^:/]*$",
    )
    storage: str = Field(
        "",
        description="Optuna's storage, such as postgresql+psycopg://… "
        "(default: a SQLite file beside the tracking store)",
    )
    workers: PositiveInt = Field(1, description="processes that work on it")
    launcher: Literal["local", "submitit", "ray"] = Field(
        "local", description="what starts them: local, submitit (SLURM) or ray"
    )
    launcher_args: Arguments = Field(
        default_factory=dict, description="its settings: name=value,… or JSON (docs/search.md)"
    )
    heartbeat: PositiveInt = Field(
        30,
        description="seconds between signs of life of a worker; after three without one its "
        "trial is given to another",
    )

    @model_validator(mode="after")
    def _launcher_has_arguments(self) -> Self:
        if self.launcher == "local" and self.launcher_args:
            raise ValueError(
                "launcher_args must be empty with launcher=local, which has none, "
                f"got {next(iter(self.launcher_args))!r}"
            )
        return self
