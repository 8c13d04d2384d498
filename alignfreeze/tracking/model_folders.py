"""Folders that are MLflow Models: what is put beside a network, so that MLflow loads and serves it.

The network and its tokenizer lie in the folder itself, where ``from_pretrained`` finds them. MLflow
finds two flavors: `transformers`, and as Python function the answers of the package `serving`, a
copy of whose modules lies beside them.
"""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import transformers
from mlflow.entities import LoggedModel
from mlflow.exceptions import MlflowException

import alignfreeze
from alignfreeze.base.digests import folder_digest
from alignfreeze.errors import TrackingError
from alignfreeze.serving.kinds import KINDS, Kind

with warnings.catch_warnings():  # about types of MLflow's own
    warnings.simplefilter("ignore", UserWarning)
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import ColSpec, Schema

MODEL_FILE = "MLmodel"
"""The file that makes a folder an MLflow Model."""

TOKENIZER = "components/tokenizer"
"""Where MLflow's flavor looks for the tokenizer."""

TEXT = ("__init__", "offsets", "pairs", "spans", "words")
CODE = ("serving/*.py", *(f"text/{name}.py" for name in TEXT))
"""What answers, below the package."""

LIBRARIES = (
    *("mlflow", "torch", "transformers", "tokenizers", "accelerate"),
    *("safetensors", "numpy", "pandas"),
)
"""What a saved model needs."""

UV_FILES = ("uv.lock", "pyproject.toml", ".python-version")
"""What MLflow takes for a model's own, where a user's project has it."""


@dataclass(frozen=True)
class SavedModel:
    """What MLflow has to know of a network.

    Attributes:
        network: Its class, such as ``BertForTokenClassification``.
        tokenizer: That of its tokenizer.
        auto_class: The class in transformers that loads it.
        pipeline: That of transformers that takes it; empty if there is none.
        example: A question, by column; empty for a general one.
        options: What `serving` takes, as far as it has answers of the kind.
    """

    network: str
    tokenizer: str
    auto_class: str
    pipeline: str
    example: Mapping[str, str]
    options: Mapping[str, Any]


def describe_model(folder: Path, saved: SavedModel) -> None:
    """Make a folder an MLflow Model, into which the network and its tokenizer are written then.

    Nothing is asked of any server, and nothing is loaded.

    Args:
        folder: A folder that is empty or yet to be made.
        saved: What is written into it.

    Raises:
        TrackingError: If MLflow makes nothing of it.
    """
    model, kind = Model(), KINDS.get(saved.pipeline)
    model.add_flavor("transformers", **_transformers_flavor(saved))
    options: dict[str, Any] = {"loader_module": "mlflow.transformers"}
    with tempfile.TemporaryDirectory(prefix="alignfreeze-") as code:
        if kind is not None:
            package, example = _copied_code(Path(code)), dict(saved.example or kind.example)
            options = {
                "loader_module": f"{package}.serving.loader",
                "code_paths": [f"{code}/{package}"],
                "signature": _signature(kind, example),
                "input_example": pd.DataFrame([example]),
                "model_config": {
                    "answers": saved.pipeline,
                    "auto_class": saved.auto_class,
                    **saved.options,
                },
            }
        logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # it tells of each example
        pins = [f"{name}=={_public_version(name)}" for name in LIBRARIES]
        try:
            with warnings.catch_warnings():  # of pandas, about what MLflow does with an example
                warnings.simplefilter("ignore", DeprecationWarning)
                mlflow.pyfunc.save_model(
                    str(folder), mlflow_model=model, pip_requirements=pins, **options
                )
        except MlflowException as error:
            raise TrackingError(f"MLflow cannot describe the model: {error}") from error
    for copied in UV_FILES:  # of the working folder, whatever project that is
        (folder / copied).unlink(missing_ok=True)
    if kind is None and saved.pipeline not in _pipelines():
        del model.flavors["python_function"]
        model.save(str(folder / MODEL_FILE))


def _pipelines() -> Mapping[str, Any]:
    """Transformers' pipelines, by their names."""
    return transformers.pipelines.PIPELINE_REGISTRY.supported_tasks


def _transformers_flavor(saved: SavedModel) -> dict[str, Any]:
    """What MLflow's own flavor keeps of a model that lies in its folder."""
    impl = _pipelines().get(saved.pipeline, {}).get("impl", "")  # a class, or its full name
    return {
        "transformers_version": transformers.__version__,
        "code": None,
        "task": saved.pipeline,
        "instance_type": getattr(impl, "__name__", impl).rpartition(".")[2],
        "pipeline_model_type": saved.network,
        "source_model_name": "",
        "model_binary": ".",
        "tokenizer_type": saved.tokenizer,
        "components": ["tokenizer"],
    }


def _copied_code(folder: Path) -> str:
    """Copy what answers, as a package that no other version's has the name of; its name."""
    root = Path(alignfreeze.__file__).parent
    name = f"alignfreeze_answers_{folder_digest(root, *CODE)[:12]}"
    for file in (path for pattern in CODE for path in root.glob(pattern)):
        copy = folder / name / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    (folder / name / "__init__.py").touch()
    return name


def _signature(kind: Kind, example: Mapping[str, str]) -> ModelSignature:
    """What is asked, by the columns of an example; and what is answered."""
    answer = [{"name": name, "required": True, **_column(of)} for name, of in kind.answer.items()]
    asked = Schema([ColSpec("string", name) for name in example])
    return ModelSignature(asked, Schema.from_json(json.dumps(answer)))


def _column(of: Any) -> dict[str, Any]:
    """The type of a column of answers, as MLflow's schemas have it in JSON."""
    match of:
        case str():
            return {"type": of}
        case [item]:
            return {"type": "array", "items": _column(item)}
        case _:
            parts = {name: {"required": True, **_column(part)} for name, part in of.items()}
            return {"type": "array", "items": {"type": "object", "properties": parts}}


def _public_version(library: str) -> str:
    """A version as a package index has it: without the part after ``+``."""
    return version(library).partition("+")[0]


def stamp(folder: Path, logged: LoggedModel) -> None:
    """Let a folder that is an MLflow Model say which model of which run it is."""
    model = Model.load(str(folder / MODEL_FILE))
    model.run_id, model.artifact_path = logged.source_run_id, logged.artifact_location
    model.model_id = model.model_uuid = logged.model_id
    model.model_size_bytes = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    model.save(str(folder / MODEL_FILE))
