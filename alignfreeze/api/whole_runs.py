"""Whole runs, which MLflow tracks; wrong options are told of before torch is loaded."""

from typing import TYPE_CHECKING

from alignfreeze.config import Options, build_config

if TYPE_CHECKING:
    from alignfreeze.runs.pipeline import Outcome


def run(options: Options) -> "Outcome":
    """Realign, then fine-tune and evaluate, as ``alignfreeze run`` does; MLflow tracks it.

    Args:
        options: A `RunConfig`, or a dict of its options by name, with ``preset`` and ``config``
            beside them. Values are Python's own (``{"realign_steps": 4, "languages": ["de"]}``)
            or text as the command line takes it (``{"realign_steps": "4", "languages": "de"}``).

    Returns:
        The scores as a table (``scores``), the realigned ``encoder``'s place, the ``run_id``.

    Raises:
        ConfigError: If an option is unknown or its value breaks its rule; one line.
        AlignFreezeError: If a file, a plugin or the model is at fault; one line.
        Interrupted: When a signal asked the process to end.

    Example:
        >>> outcome = run({"realign_steps": 2, "finetune_steps": 2, "languages": ["de"],
        ...                "compare": (), "reuse": False})
        >>> outcome.scores.columns.tolist()
        ['strategy', 'task', 'language', 'split', 'metric', 'value']
        >>> run({"realign_steps": True})
        Traceback (most recent call last):
        alignfreeze.errors.ConfigError: realign_steps must be a number, got True
    """
    build_config(options)
    from alignfreeze.runs import pipeline

    return pipeline.run(options)


def run_realign(options: Options) -> "Outcome":
    """Realign an encoder and keep it as an artifact, as ``alignfreeze realign`` does.

    Args:
        options: As of `run`.

    Returns:
        The ``encoder``'s place, which ``AutoModel.from_pretrained`` takes, and the ``run_id``.

    Raises:
        AlignFreezeError: As `run`.
        Interrupted: When a signal asked the process to end.

    Example:
        >>> from transformers import AutoModel
        >>> outcome = run_realign({"realign_steps": 2, "languages": ["de"]})
        >>> AutoModel.from_pretrained(outcome.encoder).config.num_hidden_layers
        4
    """
    build_config(options)
    from alignfreeze.runs import pipeline

    return pipeline.realign_only(options)


def run_evaluate(options: Options) -> "Outcome":
    """Fine-tune and evaluate an encoder that was realigned, as ``alignfreeze evaluate`` does.

    Args:
        options: As of `run`; ``encoder`` is the run that realigned, by its id, or a folder.

    Returns:
        The scores as a table (``scores``), and the ``run_id``.

    Raises:
        AlignFreezeError: As `run`.
        Interrupted: When a signal asked the process to end.

    Example:
        >>> few = {"languages": ["de"], "realign_steps": 2, "finetune_steps": 2}
        >>> outcome = run_evaluate({**few, "encoder": run_realign(few).run_id})
        >>> outcome.scores.language.unique().tolist()
        ['en', 'de']
    """
    build_config(options)
    from alignfreeze.runs import pipeline

    return pipeline.evaluate_only(options)
