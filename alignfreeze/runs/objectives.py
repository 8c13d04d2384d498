"""The objective that a run realigns with."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alignfreeze.config import RunConfig
from alignfreeze.contracts import Objective
from alignfreeze.contracts.registry import OBJECTIVE, create_plugin, fingerprint

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ObjectiveChoice:
    """What a run's realignment minimises.

    Attributes:
        digest: Of its code.
    """

    name: str
    objective: Objective
    digest: str

    @property
    def identity(self) -> dict[str, Any]:
        """What a result depends on."""
        return {"objective": self.name, "args": self.said, "code": self.digest}

    @property
    def said(self) -> dict[str, Any]:
        """Every hyperparameter by its field, those too that are at their defaults."""
        return self.objective.model_dump(mode="json")

    @property
    def args(self) -> Mapping[str, Any]:
        """Its hyperparameters, but for fields that are at their defaults: what is logged."""
        return self.objective.model_dump(mode="json", exclude_defaults=True)

    def said_in(self, config: RunConfig) -> RunConfig:
        """A configuration that asks for this objective, with its hyperparameters said."""
        return config.model_copy(update={"objective": self.name, "objective_args": self.args})


def objective_choice(config: RunConfig) -> ObjectiveChoice:
    """The objective that a configuration asks for.

    Raises:
        AlignFreezeError: If it is unknown, or a hyperparameter breaks its rule.
    """
    name = config.objective
    objective = create_plugin(OBJECTIVE, name, config.objective_args)
    return ObjectiveChoice(name, objective, fingerprint(OBJECTIVE, name))


def links_words(config: RunConfig, objective: Objective) -> bool:
    """Whether the words of parallel text are aligned: to realign them, or to measure that."""
    return objective.needs_links or bool(config.alignment_pairs)


def tell_idle(config: RunConfig, choice: ObjectiveChoice) -> None:
    """Warn of options of a realignment that are given and change nothing for its objective."""
    reads = {
        "temperature": choice.objective.reads_temperature,
        "projection": choice.objective.projects,
    }
    idle = {name: f"objective {choice.name} has none" for name, does in reads.items() if not does}
    if not config.realigns("during"):
        idle["realign_weight"] = f"realign_when is {config.realign_when}, not during"
    for name, why in idle.items():
        if (value := getattr(config, name)) != RunConfig.model_fields[name].default:
            logger.warning("%s=%s changes nothing, since %s", name, value, why)
