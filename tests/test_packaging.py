"""What a distribution of this project holds, and what it says of itself."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

import alignfreeze
from alignfreeze.base import commits
from alignfreeze.base.commits import commit_mark, own_version

ROOT = Path(__file__).parent.parent

NO_REPOSITORY = not (ROOT / ".git").exists()

MADE = {"PKG-INFO", "setup.cfg"}
"""What setuptools puts into an sdist, beside the folder of what it knows of a project."""


@dataclass(frozen=True)
class Built:
    """An sdist, and a wheel that was built from it."""

    sdist: Path
    wheel: Path

    @property
    def files(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    @property
    def metadata(self) -> Message:
        with zipfile.ZipFile(self.wheel) as archive:
            name = next(n for n in self.files if n.endswith(".dist-info/METADATA"))
            return message_from_string(archive.read(name).decode())


def git(*arguments: str, cwd: Path = ROOT) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    command = ["git", *who, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, check=True, capture_output=True, text=True
    ).stdout


def tracked() -> set[str]:
    found = git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return {name for name in found if name and (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    """Both, built in a copy of the repository that is a release: its tag is on its only commit."""
    if NO_REPOSITORY:
        pytest.skip("not in a repository")
    copy = tmp_path_factory.mktemp("checkout")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).hardlink_to((ROOT / name).resolve())
    git("init", "--quiet", cwd=copy)
    git("add", "--all", cwd=copy)
    git("commit", "--quiet", "--message", "all", cwd=copy)
    git("tag", f"v{release()}", cwd=copy)
    output = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(copy)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "absent from the `packages`" not in said.stdout + said.stderr
    sdist, wheel = sorted(output.iterdir(), key=lambda path: path.suffix != ".gz")
    return Built(sdist, wheel)


def release() -> str:
    return alignfreeze.__version__.partition("+")[0]


def test_the_sdist_holds_the_repository_and_nothing_else(built):
    with tarfile.open(built.sdist) as archive:
        names = {m.name.partition("/")[2] for m in archive.getmembers() if not m.isdir()}
    found = {name for name in names if not name.startswith("alignfreeze.egg-info/")}
    assert found - MADE == tracked()


def test_its_tests_run_in_the_sdist(built, tmp_path):
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    some = ["tests/test_architecture.py", "tests/test_packaging.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_wheel_holds_the_packages_and_what_they_read(built):
    code = {name for name in built.files if ".dist-info/" not in name}
    folders = {
        "alignfreeze": "alignfreeze",
        **{
            f"alignfreeze_{kind}": kind
            for kind in ("strategies", "tasks", "aligners", "objectives")
        },
    }
    assert code == {
        name.replace(folder, package, 1)
        for package, folder in folders.items()
        for name in tracked()
        if name.startswith(f"{folder}/")
    }
    for read in (
        "alignfreeze/data/demo/corpus.zip",
        "alignfreeze/data/demo/encoder/model.safetensors",
        "alignfreeze/base/templates/document.html",
        "alignfreeze/benchmark/grids/paper.yaml",
        "alignfreeze/config/presets/demo.yaml",
        "alignfreeze/MLproject",
        "alignfreeze/py.typed",
    ):
        assert read in code


def test_the_project_file_of_the_package_is_that_of_the_repository(built):
    with zipfile.ZipFile(built.wheel) as archive:
        assert archive.read("alignfreeze/MLproject") == (ROOT / "MLproject").read_bytes()


def test_twine_has_nothing_to_say_and_no_link_is_relative(built):
    command = [sys.executable, "-m", "twine", "check", "--strict", built.sdist, built.wheel]
    subprocess.run(command, check=True, capture_output=True)
    text = built.metadata.get_payload()
    assert isinstance(text, str)
    targets = re.findall(r'\]\(([^)\s]+)|(?:src|href)="([^"]+)', text)
    assert targets
    for target in ("".join(found) for found in targets):
        assert target.startswith(("https://", "http://", "#")), target


def test_links_lead_to_files_of_the_release(built):
    text = str(built.metadata.get_payload())
    repository = dict(u.split(", ") for u in built.metadata.get_all("Project-URL"))["Repository"]
    found = re.findall(rf"{re.escape(repository)}/(?:blob|raw)/([^/]+)/([^)#\"\s]+)", text)
    assert {ref for ref, _ in found} == {f"v{release()}"}
    for _, name in found:
        assert (ROOT / name).exists(), name


def test_what_is_built_of_a_release_has_its_version_alone(built):
    assert built.metadata["Version"] == release()
    assert {f"3.{minor}" for minor in (11, 12, 13)} <= {
        text.rpartition(" ")[2] for text in built.metadata.get_all("Classifier")
    }


@pytest.fixture
def checkout(tmp_path) -> Callable[..., str]:
    """A repository of one file; runs git in it."""

    def run(*arguments: str) -> str:
        return git(*arguments, cwd=tmp_path)

    run("init", "--quiet")
    (tmp_path / "file").write_text("a", "utf-8")
    run("add", "file")
    run("commit", "--quiet", "--message", "a")
    return run


def test_a_version_says_which_commit_it_is_of(checkout, tmp_path):
    commit = f"+g{checkout('rev-parse', '--short=7', 'HEAD').strip()}"
    assert commit_mark(tmp_path, "0.2.0") == commit
    checkout("tag", "v0.2.0")
    assert commit_mark(tmp_path, "0.2.0") == ""
    assert commit_mark(tmp_path, "0.3.0") == commit
    (tmp_path / "file").write_text("b", "utf-8")
    assert commit_mark(tmp_path, "0.2.0") == f"{commit}.dirty"
    checkout("commit", "--quiet", "--all", "--message", "b")
    assert (
        commit_mark(tmp_path, "0.2.0") == f"+g{checkout('rev-parse', '--short=7', 'HEAD').strip()}"
    )


def test_where_git_cannot_be_asked_it_is_the_release(checkout, tmp_path, monkeypatch):
    assert commit_mark(tmp_path / "elsewhere", "0.2.0") == ""
    monkeypatch.setenv("PATH", "")
    assert commit_mark(tmp_path, "0.2.0") == ""


def test_what_is_installed_says_what_it_was_built_of(monkeypatch, tmp_path):
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+g[0-9a-f]{7,}(\.dirty)?)?", own_version())
    monkeypatch.setattr(commits, "version", lambda name: "0.2.0+gabc1234")
    monkeypatch.setattr(commits, "__file__", str(tmp_path / "a" / "base" / "commits.py"))
    assert own_version.__wrapped__() == "0.2.0+gabc1234"
