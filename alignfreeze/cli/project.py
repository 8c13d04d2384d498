"""The command that writes a project for `mlflow run`; and whether one is run by its own code."""

import os
import shlex
import sys
from importlib import import_module, resources
from pathlib import Path
from typing import Annotated

import typer

import alignfreeze
from alignfreeze.base.digests import folder_digest
from alignfreeze.cli.output import tell
from alignfreeze.errors import ConfigError
from alignfreeze.messages import LONG, shown

FILE = "MLproject"

ENVIRONMENT = """\
# For `mlflow run` with conda, and with --env-manager uv.
name: alignfreeze
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
      - mlflow
      - alignfreeze=={version}
"""


def project(
    folder: Annotated[Path, typer.Argument(help="new, or empty", show_default=False)],
) -> None:
    """Write a folder that `mlflow run` runs with this version of AlignFreeze."""
    write_project(folder)
    command = f"mlflow run {shlex.quote(str(folder))} --env-manager local"
    tell({"folder": folder, "command": command}, lambda: typer.echo(f"run it: {command}"))


def write_project(folder: Path) -> None:
    """Write a project of MLflow's: the package's entry points, and an environment that has it.

    Raises:
        ConfigError: If the folder is a file, is not empty, or cannot be written.
    """
    text = resources.files("alignfreeze").joinpath(FILE).read_text("utf-8")
    python = ".".join(map(str, sys.version_info[:2]))
    environment = ENVIRONMENT.format(python=python, version=alignfreeze.__version__)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"the folder must be new or empty, got {shown(str(folder), LONG)}")
        (folder / FILE).write_text(text, "utf-8")
        (folder / "conda.yaml").write_text(environment, "utf-8")
    except OSError as error:
        raise ConfigError(
            f"the folder {shown(str(folder), LONG)} cannot be written: {error.strerror}"
        ) from None


def check_environment() -> None:
    """Check that what `mlflow run` runs in a checkout is that checkout's code.

    MLflow makes an environment once, and knows it by conda.yaml alone: a later commit, or another
    checkout, would be given the code of the first.

    Raises:
        ConfigError: If it is other code.
    """
    checkout = Path.cwd()
    own = Path(alignfreeze.__file__).parent
    if "MLFLOW_RUN_ID" not in os.environ or not (checkout / FILE).is_file():
        return
    if not (checkout / "alignfreeze" / "__init__.py").is_file() or own.parent == checkout:
        return
    for package in alignfreeze.PACKAGES:
        installed = Path(str(import_module(package).__file__)).parent
        folder = checkout / package.removeprefix("alignfreeze_")
        if folder_digest(installed, "**/*.py") != folder_digest(folder, "**/*.py"):
            raise ConfigError(
                f"the environment {sys.prefix} has other code than the project in {checkout}: "
                "MLflow keeps environments by conda.yaml alone; remove it, and run again"
            )
