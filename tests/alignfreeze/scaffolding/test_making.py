"""Distributions of all kinds: made, checked, tested, and used in a run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alignfreeze.cli.main import main
from alignfreeze.data.finding import find_data
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.scaffolding.making import make_plugin
from alignfreeze.scaffolding.naming import LONGEST, plugin_names

NAMES = {
    "strategy": "lower-third",
    "task": "reviews",
    "aligner": "same_place",
    "objective": "margin",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A distribution of each kind, by kind."""
    output = tmp_path_factory.mktemp("made")
    return {kind: make_plugin(plugin_names(name, kind), output) for kind, name in NAMES.items()}


@pytest.fixture(scope="module")
def site(made, install, tmp_path_factory):
    """A folder of the path in which all of them are installed."""
    target = tmp_path_factory.mktemp("site")
    for folder in made.values():
        install(folder, target)
    return target


def test_a_distribution_is_written(made):
    folder = made["strategy"]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert folder.name == "alignfreeze-lower-third"
    assert files == {
        ".gitignore",
        "README.md",
        "alignfreeze_lower_third/__init__.py",
        "alignfreeze_lower_third/py.typed",
        "alignfreeze_lower_third/strategy.py",
        "pyproject.toml",
        "tests/test_strategy.py",
    }
    assert {path.name for path in folder.parent.iterdir()} == {d.name for d in made.values()}


def test_their_tests_pass(made, site):
    """In a process of its own, where they are installed; each has a suite, and tests of its own."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["--rootdir", str(site), "-c", os.devnull, "-W", "error", "--import-mode=importlib"]
    done = subprocess.run(
        [*command, *map(str, made.values())], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " skipped" not in done.stdout


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("name", ["a", "z" * LONGEST])
def test_they_are_written_as_ruff_writes(kind, name, tmp_path):
    folder = make_plugin(plugin_names(name, kind), tmp_path)
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    if not Path(ruff[0]).exists():
        ruff = [shutil.which("ruff") or pytest.skip("ruff is not installed")]
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [*ruff, *command, "--no-cache", "."], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_their_types_are_right(made):
    """By the project's own settings, whose cache mypy has after `make check`: else it is slow."""
    root = Path(__file__).parents[3]
    if not (root / ".mypy_cache").is_dir():
        pytest.skip("mypy has no cache yet: make check")
    files = sorted(str(path) for folder in made.values() for path in folder.rglob("*.py"))
    command = [sys.executable, "-m", "mypy", *files]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_listed_and_a_run_uses_them(
    made, site, cache, experiment, monkeypatch, tmp_path, capsys
):
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("COLUMNS", "200")
    main(["plugins"])
    listed = capsys.readouterr().out
    assert all(name in listed for name in NAMES.values())
    assert "alignfreeze-lower-third 0.1.0" in listed
    assert "broken" not in listed
    data = tmp_path / "data"
    shutil.copytree(find_data("demo").root / "parallel", data / "parallel")
    text = "text\tlabel\n" + "a dog\tpositive\nthe cat\tnegative\n" * 8
    for file in ("en/train", "en/dev", "en/test", "de/test"):
        path = data / "reviews" / f"{file}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    main(
        ["run", "--data", str(data), "--preset", "demo", "--compare", "", "--languages", "de"]
        + [part for kind, name in NAMES.items() for part in (f"--{kind}", name)]
        + ["--realign-steps", "2", "--finetune-steps", "2", "--strategy-args", "boundary=1"]
    )
    assert "reviews: accuracy on test" in capsys.readouterr().out


def test_nothing_is_overwritten(tmp_path):
    names = plugin_names("mine", "task")
    (tmp_path / names.distribution).mkdir()
    with pytest.raises(ConfigError, match=r"alignfreeze-mine must not be there yet: remove it, or"):
        make_plugin(names, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["alignfreeze-mine"]


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    names = plugin_names("mine", "task")
    (tmp_path / "file").write_text("")
    with pytest.raises(AlignFreezeError, match="the plugin cannot be written: "):
        make_plugin(names, tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
