"""The texts of the examples that predictions are of, where the data is still there."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from alignfreeze.base.digests import file_digest
from alignfreeze.contracts import Task
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.data.finding import find_data
from alignfreeze.errors import AlignFreezeError, DataError
from alignfreeze.report.prediction_runs import PredictedRun
from alignfreeze.tracking.location import artifact_path

logger = logging.getLogger(__name__)


def example_texts(
    predicted: PredictedRun, language: str, *, data: str = "", folder: Path
) -> Sequence[Mapping[str, str]]:
    """The texts of each example of a language; empty, and said, where they cannot be had.

    Args:
        predicted: Says which data, task and file.
        language: The language.
        data: Where the data is, if elsewhere; as the option of a run.
        folder: Where files from elsewhere are downloaded to.
    """
    origin = predicted.origin
    try:
        task, place = _task(predicted, folder)
        source = find_data(data or place)
        file = task.require_file(source, language, origin.split)
        if file_digest(file) != origin.digests[language]:
            raise DataError("is not the file that was predicted", file=file)
        examples = task.load(source, language, origin.split)
    except AlignFreezeError as error:
        logger.warning("without the texts of the examples: %s (--data says where they are)", error)
        return []
    return [task.texts(example) for example in examples]


def _task(predicted: PredictedRun, folder: Path) -> tuple[Task, str]:
    """The task as the run had it, and its data.

    Raises:
        AlignFreezeError: If the run's configuration is not there, or the task no longer is.
    """
    path, name = artifact_path(predicted.run.run_id, "config.yaml", folder), predicted.origin.task
    if path is None:
        raise DataError(f"run {predicted.run.run_id} has no config.yaml")
    try:
        options: dict[str, Any] = dict(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise DataError(f"cannot be read: {error}", file=path) from error
    given = (options.get("task_args") or {}).get(name) or {}
    task: Task = create_plugin(TASK, name, given)
    return task, str(options.get("data"))
