"""What is declared is what is imported, pinned and installed."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from itertools import chain
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = SETTINGS["project"]
EXTRAS = PROJECT["optional-dependencies"]

PACKAGES = tuple(SETTINGS["tool"]["setuptools"]["package-dir"].values())
BESIDE = ("tests", "benchmarks", "tools", "examples", "notebooks")
"""Folders of the repository that are not installed."""

OURS = {
    *SETTINGS["tool"]["setuptools"]["package-dir"],
    "alignfreeze_example",
    "tests",
    "tools",
    *(path.stem for path in (ROOT / "benchmarks").glob("*.py")),
}
"""Modules of this repository; benchmarks import each other as scripts do."""

NOT_IMPORTED = {
    "build": "tests/test_packaging.py runs it",
    "lang2vec": "alignfreeze/data/uriel.py reads its files",
    "setuptools": "builds the project, in tests/test_packaging.py too",
    "twine": "tests/test_packaging.py runs it",
    "psycopg": "SQLAlchemy loads it for the address of a PostgreSQL database",
    "ipykernel": "the notebooks' kernel",
    "l2m4m": "mkdocs.yml",
    "mkdocs": "make docs",
    "mkdocs-material": "mkdocs.yml",
    "mkdocstrings": "mkdocs.yml",
    "mypy": "make check",
    "pandas-stubs": "types for mypy",
    "pre-commit": "git's hook",
    "pytest-xdist": "make test",
    "ruff": "make check",
    "types-psutil": "types for mypy",
    "types-pyyaml": "types for mypy",
    "types-tqdm": "types for mypy",
}
"""Distributions that are used without an import, and by what."""

ACCELERATORS = ("cuda-", "nvidia-", "triton")
"""What torch's builds for GPUs bring along, whose pins would not fit its build for CPUs."""

BY_NAME = {"import_module", "importorskip"}
"""Functions that import what their first argument names."""


def names(requirements: Iterable[str]) -> set[str]:
    """The distributions that requirements ask for, other than the project itself."""
    found = {canonicalize_name(Requirement(text).name) for text in requirements}
    return {*found} - {PROJECT["name"]}


def imported(folders: Iterable[str]) -> set[str]:
    """Top-level modules that a folder's files import, inside functions too, and for types."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    modules = {name.partition(".")[0] for path in files for name in _imports(path)}
    return modules - sys.stdlib_module_names - OURS


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called),
                args=[ast.Constant(value=str(module)), *_],
            ) if called in BY_NAME:
                yield module


@cache
def homes() -> dict[str, set[str]]:
    """The distributions that each module comes with; a namespace may come with several."""
    found = packages_distributions().items()
    return {module: {canonicalize_name(name) for name in names} for module, names in found}


def undeclared(modules: set[str], declared: set[str]) -> set[str]:
    """Modules that come with none of the declared distributions."""
    return {name for name in modules if declared.isdisjoint(homes().get(name, ()))}


def unused(declared: set[str], modules: set[str]) -> set[str]:
    """Declared distributions that none of the modules comes with."""
    return declared - {home for name in modules for home in homes().get(name, ())}


def test_the_package_imports_what_it_declares():
    modules = imported(PACKAGES)
    core = names(PROJECT["dependencies"])
    optional = names(text for extra, texts in EXTRAS.items() if extra != "dev" for text in texts)
    assert not undeclared(modules, core | optional)
    assert not unused(core, modules)
    assert unused(optional, modules) <= set(NOT_IMPORTED)
    assert not core & optional


def test_what_is_beside_the_package_imports_what_is_declared_for_development():
    modules = imported(BESIDE)
    core, development = names(PROJECT["dependencies"]), names(EXTRAS["dev"])
    (everything,) = (text for text in EXTRAS["dev"] if text.startswith(f"{PROJECT['name']}["))
    extras = {extra for extra in EXTRAS if extra != "dev"}
    assert set(re.findall(r"[\w-]+", everything)[1:]) == extras
    optional = names(text for extra in extras for text in EXTRAS[extra])
    assert not undeclared(modules, core | optional | development)
    assert unused(development, modules) <= set(NOT_IMPORTED)
    assert set(NOT_IMPORTED) <= optional | development
    assert not development & (core | optional)


def pinned() -> set[str]:
    """The distributions of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    return names(pins)


def needed(requirements: Iterable[str]) -> set[str]:
    """The distributions that requirements need, and those that these need, and so on."""
    queue = [Requirement(text) for text in requirements]
    seen = {(PROJECT["name"], "")}
    while queue:
        wanted = queue.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras} - {extra for other, extra in seen if other == name}:
            seen.add((name, extra))
            queue += [
                further
                for further in map(Requirement, requires(name) or ())
                if further.marker is None or further.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in seen} - {PROJECT["name"]}


def test_what_is_pinned_is_what_is_needed():
    found = needed(chain(PROJECT["dependencies"], *EXTRAS.values()))
    wanted = {name for name in found if not name.startswith(ACCELERATORS)}
    assert wanted <= pinned()
    oldest = PROJECT["requires-python"].removeprefix(">=")
    if sys.version_info[:2] == tuple(map(int, oldest.split("."))):  # a later one needs fewer
        assert pinned() == wanted


def test_conda_installs_what_is_pinned():
    environment = yaml.safe_load((ROOT / "conda.yaml").read_text("utf-8"))
    python, pip, packages = environment["dependencies"]
    assert python == f"python={PROJECT['requires-python'].removeprefix('>=')}"
    assert pip == "pip"
    # MLflow looks for itself by its name, and for what else is needed the project is asked.
    assert packages == {"pip": ["--constraint constraints.txt", "mlflow", "."]}


def test_every_package_and_every_file_of_data_is_installed():
    """The packages are listed, as setuptools cannot find those whose folder has another name."""
    settings = SETTINGS["tool"]["setuptools"]
    packages, data = set(), set()
    for name, folder in settings["package-dir"].items():
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix == ".py":
                packages.add(".".join((name, *path.relative_to(ROOT / folder).parts[:-1])))
            elif path.is_file() and path.suffix != ".pyc":
                data.add(path)
    # Setuptools takes every folder for a package, one of data too.
    assert set(settings["packages"]) == packages | set(settings["package-data"])
    for package, patterns in settings["package-data"].items():
        name, *parts = package.split(".")
        folder = (ROOT / settings["package-dir"][name]).joinpath(*parts)
        for pattern in patterns:
            assert list(folder.glob(pattern))
            data -= set(folder.glob(pattern))
    assert not data
