"""MLflow Models of runs: logged, found again, registered under a name with an alias."""

import json
from pathlib import Path
from typing import Final

from mlflow.entities import LoggedModel, LoggedModelOutput, Metric, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_RUN_NOTE

from alignfreeze.tracking import names

READY: Final = "READY"

VERSIONS = "mlflow.modelVersions"
"""The tag of a model in which MLflow looks for its registered versions."""

SHOWN = (names.TAG, "mlflow.source.", "mlflow.user", MLFLOW_RUN_NOTE)
"""How tags of a run begin that its models have as well: its description, and where it is from."""

TOLD = (names.MODEL, names.STRATEGY, names.TASK, names.SEED)
"""The tags of a run that a registered version has as well; MLflow's list cuts longer names."""


def find_model(run_id: str, name: str) -> LoggedModel | None:
    """The model that a run has logged under a name; within `talking.asking` alone."""
    return _ready(_models(MlflowClient().get_run(run_id), name))


def _models(run: Run, name: str) -> list[LoggedModel]:
    """The models of a run that have a name, whole or not."""
    found = MlflowClient().search_logged_models(
        [run.info.experiment_id],
        filter_string=f"source_run_id = '{run.info.run_id}' AND name = '{name}'",
    )
    return list(found)


def _ready(models: list[LoggedModel]) -> LoggedModel | None:
    return next((model for model in models if str(model.status) == READY), None)


def log_model(run_id: str, folder: Path, name: str) -> None:
    """Log a folder that is an MLflow Model; what the run has logged under the name already stays.

    It gets the run's params, and its scores. Within `talking.asking` alone.
    """
    # What describes models is slow to import, and whoever only reads runs does without it.
    from alignfreeze.tracking.model_folders import stamp

    client = MlflowClient()
    run = client.get_run(run_id)
    before = _models(run, name)
    if _ready(before) is not None:
        return
    for half in before:  # the store went away meanwhile
        client.delete_logged_model(half.model_id)
    tags = {n: v for n, v in run.data.tags.items() if n.startswith(SHOWN)}
    made = client.create_logged_model(
        run.info.experiment_id, name, run_id, tags, dict(run.data.params)
    )
    stamp(folder, made)
    client.log_model_artifacts(made.model_id, str(folder))
    of = {"model_id": made.model_id, "run_id": run_id, **_tested_on(run)}
    metrics = [
        Metric(m.key, m.value, m.timestamp, m.step, **of)
        for m in run.data.to_proto().metrics  # with the times of the run's own, which they are
        if m.key.startswith("test/")
    ]
    client.log_batch(run_id, metrics=metrics)
    client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
    client.finalize_logged_model(made.model_id, READY)


def _tested_on(run: Run) -> dict[str, str]:
    """The data set that a run's test scores are of, if it is one, as metrics name it."""
    tests = [
        one.dataset
        for one in (run.inputs.dataset_inputs if run.inputs else ())
        if any(tag.key == MLFLOW_DATASET_CONTEXT and tag.value == "test" for tag in one.tags)
    ]
    if len(tests) != 1:
        return {}
    return {"dataset_name": tests[0].name, "dataset_digest": tests[0].digest}


def register_model(run_id: str, name: str, registered: str, alias: str, told: str) -> str:
    """Register what a run has logged, and let an alias name that version.

    To do so again changes nothing but the alias. Within `talking.asking` alone.

    Args:
        run_id: The run.
        name: What it is called there: a model, or a folder among its artifacts.
        registered: The name in the registry.
        alias: The alias.
        told: The description of a version that is made.

    Returns:
        The version's number.
    """
    client = MlflowClient()
    run = client.get_run(run_id)
    model = _ready(_models(run, name))
    source = f"models:/{model.model_id}" if model else f"{run.info.artifact_uri}/{name}"
    _require_name(client, registered)
    versions = client.search_model_versions(f"name = '{registered}' AND run_id = '{run_id}'")
    version = next((known.version for known in versions if known.source == source), None)
    if version is None:
        tags = {n: v for n in TOLD if (v := run.data.tags.get(names.TAG + n))}
        model_id = model.model_id if model else None
        made = client.create_model_version(
            registered, source, run_id, tags=tags, description=told, model_id=model_id
        )
        version = made.version
        if model is not None:  # so that its page names the version
            client.set_logged_model_tags(model.model_id, {VERSIONS: _with_version(model, made)})
    client.set_registered_model_alias(registered, alias, version)
    return str(version)


def _with_version(model: LoggedModel, made: ModelVersion) -> str:
    """What MLflow keeps of a model's registered versions, with one more."""
    known = json.loads(model.tags.get(VERSIONS, "[]"))
    return json.dumps([*known, {"name": made.name, "version": made.version}])


def _require_name(client: MlflowClient, registered: str) -> None:
    """Make a registered model, unless there is one of the name."""
    try:
        client.create_registered_model(registered)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
