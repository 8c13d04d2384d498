"""What is said about a study's workers: how many there are, what starts them, where they meet."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from alignfreeze.config import Arguments, Count, Line, StudyRole
from alignfreeze.messages import shown

FREE = StudyRole.FREE


class WorkersConfig(BaseModel):
    """A study that several processes work on. Below a field stands the command line's help."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    study: Annotated[Line, FREE] = Field("", pattern="^[^:/]*$")
    """name of the study (default: a hash of what its scores depend on)"""
    storage: Annotated[Line, FREE] = ""
    """Optuna's storage, such as postgresql+psycopg://… (default: what the variable
    ALIGNFREEZE_SEARCH_STORAGE says, or a SQLite file beside the tracking store)"""
    workers: Annotated[Count, Field(le=10_000), FREE] = 1
    """processes that work on it"""
    launcher: Annotated[Literal["local", "submitit", "ray"], FREE] = "local"
    """what starts them: local, submitit (SLURM) or ray"""
    launcher_args: Annotated[Arguments, FREE] = Field(default_factory=dict)
    """its settings: name=value,… or JSON (docs/search.md)"""
    heartbeat: Annotated[Count, FREE] = 30
    """seconds between signs of life of a worker; after three without one its trial is given to
    another"""

    @model_validator(mode="after")
    def _launcher_has_arguments(self) -> Self:
        if self.launcher == "local" and self.launcher_args:
            raise ValueError(
                "launcher_args must be empty with launcher=local, which has none, "
                f"got {shown(next(iter(self.launcher_args)))}"
            )
        return self
