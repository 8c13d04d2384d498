"""Objectives by name or as objects."""

from alignfreeze.config import RunConfig, validated
from alignfreeze.contracts import Objective
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.runs.objectives import ObjectiveChoice, objective_choice


def chosen_objective(objective: object, config: RunConfig) -> ObjectiveChoice:
    """An objective with all its hyperparameters.

    Args:
        objective: A name, to which ``config.objective_args`` belong, or an objective.
        config: The options beside it.

    Raises:
        AlignFreezeError: If it is unknown, or a hyperparameter breaks its rule.
    """
    if isinstance(objective, Objective):
        if config.objective_args:
            raise ConfigError("objective_args must be left out with an objective that is made")
        return ObjectiveChoice(type(objective).__name__, objective, "")
    if not isinstance(objective, str):
        kind = "a name or an instance of an objective"
        raise ConfigError(f"objective must be {kind}, got {shown(objective)}")
    named = {"objective": objective, "objective_args": config.objective_args}
    return objective_choice(validated(named))
