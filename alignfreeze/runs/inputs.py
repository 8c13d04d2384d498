"""The data sets of a run, as MLflow's inputs."""

from collections.abc import Collection
from pathlib import Path

from alignfreeze.base.digests import hash_of
from alignfreeze.config import model_name
from alignfreeze.contracts import DataSource, Split
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.runs.preparation import Preparation
from alignfreeze.tracking.inputs import DataSet, data_set


def parallel_inputs(made: Preparation) -> list[DataSet]:
    """The parallel text that is realigned on; nothing where there is none."""
    if not made.corpora:
        return []
    rows = {corpus.target: len(corpus) for corpus in made.corpora}
    name = f"{model_name(made.config.data)} parallel text"
    return [data_set(name, "realignment", made.parallel_hash, made.source.root, rows)]


def task_inputs(made: Preparation, data: TaskData, splits: Collection[Split]) -> list[DataSet]:
    """What a task is trained on, and some splits that it is evaluated on; a data set a split."""
    found = []
    for split in ("train", *splits):
        rows, content = data.sizes(split), data.contents(split)
        name = f"{model_name(made.config.data)} {data.name} {split}"
        found.append(
            data_set(name, split, hash_of(content), _origin(made.source, data, split), rows)
        )
    return found


def _origin(source: DataSource, data: TaskData, split: Split) -> Path | str:
    """The folder that a split is from; of the hub, the data set there."""
    if source.supplier is None:
        return source.root
    places = (data.task.hub_split(language, split) for language in data.languages(split))
    place = next(found for found in places if found is not None)
    return f"{place.repository}@{place.revision or ''}"
