"""Projects of MLflow's: written of the package, and run by their own code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
import yaml

import alignfreeze
from alignfreeze.cli.main import main
from alignfreeze.cli.project import check_environment, write_project
from alignfreeze.errors import ConfigError

ROOT = Path(alignfreeze.__file__).parents[1]


def test_a_project_has_the_entry_points_and_the_installed_version(tmp_path, capsys):
    folder = tmp_path / "a" / "b"
    main(["project", str(folder)])
    assert f"mlflow run {folder} --env-manager local" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["MLproject", "conda.yaml"]
    assert (folder / "MLproject").read_bytes() == (ROOT / "MLproject").read_bytes()
    environment = yaml.safe_load((folder / "conda.yaml").read_text("utf-8"))
    _, _, packages = environment["dependencies"]
    assert packages["pip"] == ["mlflow", f"alignfreeze=={alignfreeze.__version__}"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "kept").write_text("", "utf-8")
    for folder, rule in ((tmp_path, "new or empty"), (tmp_path / "kept", "cannot be written")):
        with pytest.raises(ConfigError, match=rule):
            write_project(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """The code of another checkout, in whose folder `mlflow run` has started this process."""
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    for package in alignfreeze.PACKAGES:
        name = package.removeprefix("alignfreeze_")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "MLproject", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_RUN_ID", "7")
    return tmp_path


def test_an_environment_with_other_code_than_the_project_is_refused(checkout, monkeypatch):
    check_environment()
    (checkout / "strategies" / "front.py").write_text("", "utf-8")
    with pytest.raises(ConfigError, match="has other code than the project") as refused:
        check_environment()
    assert sys.prefix in str(refused.value)
    monkeypatch.delenv("MLFLOW_RUN_ID")
    check_environment()


def test_the_run_of_a_refused_environment_says_why(checkout, experiment, monkeypatch, capsys):
    run = mlflow.MlflowClient().create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    (checkout / "strategies" / "front.py").write_text("", "utf-8")
    with pytest.raises(SystemExit, match="1"):
        main(["run"])
    failed = mlflow.get_run(run.info.run_id)
    assert failed.info.status == "FAILED"
    assert "has other code than the project" in failed.data.tags["alignfreeze.error"]
    assert capsys.readouterr().err == f"alignfreeze: {failed.data.tags['alignfreeze.error']}\n"


def test_a_project_from_a_git_address_runs(tmp_path):
    """An address that git finds on this disk; the command is one that loads nothing heavy."""
    source = tmp_path / "source"
    source.mkdir()
    text = "name: x\nentry_points:\n  main:\n    command: alignfreeze --version\n"
    (source / "MLproject").write_text(text, "utf-8")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *arguments], cwd=source, check=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "TMPDIR": str(tmp_path),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{source.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://git.invalid/alignfreeze.git",
    }
    command = [sys.executable, "-m", "mlflow", "run", "https://git.invalid/alignfreeze.git"]
    done = subprocess.run(
        [*command, "--env-manager", "local"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"alignfreeze {alignfreeze.__version__}" in done.stdout
