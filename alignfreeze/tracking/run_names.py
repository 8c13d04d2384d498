"""What runs are called: for a person alone, nothing reads these names."""

from collections.abc import Iterable

from alignfreeze.config import RunConfig, model_name

LONGEST = 240
"""Characters of a run's name; a database of MLflow's takes 250."""

DEFAULT_MODEL: str = RunConfig.model_fields["model"].default
DEFAULT_TIME: str = RunConfig.model_fields["realign_when"].default


def run_name(config: RunConfig, what: str = "") -> str:
    """What a run of a configuration is called: ``front vs baseline during pos seed 31``.

    The default time of realignment, before fine-tuning, is not named.

    Args:
        config: The configuration, with the strategy's hyperparameters as far as they were given.
        what: What is done, if not all of it: ``evaluate``.
    """
    others = [name for name in config.compare if name != config.strategy]
    strategies = " vs ".join([_with_arguments(config), *others])
    when = "" if config.realign_when == DEFAULT_TIME else config.realign_when
    return named(what, strategies, when, *config.task, seed=config.seed, model=config.model)


def named(*parts: str, seed: int, model: str) -> str:
    """A name of words, those that are empty left out: ``evaluate front pos seed 31, xlm-r``.

    The default model is not named.
    """
    name = _spaced([*parts, f"seed {seed}"])
    return _shortened(name if model == DEFAULT_MODEL else f"{name}, {model_name(model)}")


def study_run_name(what: str, tasks: Iterable[str], models: Iterable[str], about: str) -> str:
    """What the run of a study is called: ``search pos ner, xlm-r (my-study)``."""
    others = [model_name(model) for model in models if model != DEFAULT_MODEL]
    return _shortened(f"{', '.join([_spaced([what, *tasks]), *others])} ({about})")


def _with_arguments(config: RunConfig) -> str:
    """A configuration's strategy, as reports write it: ``front(boundary=3)``."""
    args = ", ".join(f"{name}={value}" for name, value in config.strategy_args.items())
    return f"{config.strategy}({args})" if args else config.strategy


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _spaced(words: Iterable[str]) -> str:
    return " ".join(filter(None, words))
