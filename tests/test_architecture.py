"""The structure that the design fixes: who may import whom, and one set of parameters."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from alignfreeze.cli import OPTIONS, app

ROOT = Path(__file__).parent.parent

LEVELS = [
    {"errors", "__init__"},
    {"config", "words", "textfiles", "caching", "modelfiles", "presets", "progress", "signals"},
    {"dropout", "vocabulary", "states", "threads"},
    {"contracts", "demo", "reference"},
    {"registry", "encoders", "identity", "losses", "bitexts", "checkpoints", "cleaning", "hub"},
    {"acceleration", "sections"},
    {"packing"},
    {"batching"},
    {"freezing", "training", "jobs", "sources", "encoder_aligner"},
    {"shards", "choices", "provenance"},
    {"corpus", "alignments"},
    {"pairs", "probes"},
    {"prefixes"},
    {"realign", "finetune", "evaluate", "tracking", "testing", "geometry"},
    {"results", "taskdata", "records", "parallel", "figures", "deviations"},
    {"preparation", "measures", "taskmodels"},
    {"phases", "tables"},
    {"realigned"},
    {"pipeline", "importing"},
    {"search", "report"},
    {"benchmark"},
    {"cli"},
    {"__main__"},
]
"""A module imports only modules of an earlier row; a package's own modules count as one."""

ONLY_IMPORTER = {"mlflow": "tracking", "optuna": "search", "typer": "cli"}
PLUGIN_IMPORTS = {"contracts", "config", "errors"}
ALIGNER_IMPORTS = PLUGIN_IMPORTS | {"encoders", "encoder_aligner"}
"""An aligner may use an encoder, and the core alone knows the families."""


def level_of(module: str) -> int:
    return next(number for number, names in enumerate(LEVELS) if module in names)


def own_name(path: Path) -> str:
    """The module or package of the core that a file belongs to."""
    return path.relative_to(ROOT / "alignfreeze").parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Dotted names of everything that a file imports, inside functions too.

    A plugin in several files is a package, whose files import each other by relative names.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            own_package = node.level == 1 and path.parent.parent.parent == ROOT
            assert node.level == 0 or own_package, f"{path}: relative import"
            if node.level == 0:
                found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def core_modules(path: Path) -> set[str]:
    """Which of the core's modules a file imports; ``__init__`` for names of the package."""
    found = set()
    for name in imports(path):
        first, _, rest = name.partition(".")
        if first == "alignfreeze":
            module = rest.partition(".")[0]
            known = any(module in names for names in LEVELS)
            found.add(module if known else "__init__")
    return found


def core_files() -> list[Path]:
    return sorted((ROOT / "alignfreeze").rglob("*.py"))


def plugin_files() -> list[Path]:
    return sorted(
        p for kind in ("strategies", "tasks", "aligners") for p in (ROOT / kind).rglob("*.py")
    )


def test_every_module_has_a_level():
    assert {own_name(path) for path in core_files()} == set().union(*LEVELS)


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_downwards_only(path):
    own = own_name(path)
    later = {m for m in core_modules(path) - {own} if level_of(m) >= level_of(own)}
    assert not later


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_never_imports_a_plugin(path):
    assert not [name for name in imports(path) if name.startswith("alignfreeze_")]


@pytest.mark.parametrize("path", core_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_some_libraries_have_one_importer(path):
    for name in imports(path):
        importer = ONLY_IMPORTER.get(name.partition(".")[0])
        assert importer in (None, own_name(path))


@pytest.mark.parametrize("path", plugin_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_plugin_imports_contracts_alone(path):
    allowed = ALIGNER_IMPORTS if path.is_relative_to(ROOT / "aligners") else PLUGIN_IMPORTS
    assert core_modules(path) <= allowed
    assert not [name for name in imports(path) if name.startswith("alignfreeze_")]


ENTRY_POINTS = {
    "main": "run",
    "realign": "realign",
    "evaluate": "evaluate",
    "search": "search",
    "benchmark": "benchmark",
    "report": "report",
}


def project() -> dict:
    return yaml.safe_load((ROOT / "MLproject").read_text("utf-8"))


@pytest.mark.parametrize(("entry_point", "command"), ENTRY_POINTS.items())
def test_mlproject_and_command_line_take_the_same_parameters(entry_point, command):
    entry = project()["entry_points"][entry_point]
    cli = next(c for c in app.registered_commands if c.name == command)
    options = list(cli.callback.__signature__.parameters)
    assert options == OPTIONS[command]
    assert list(entry["parameters"]) == options
    # What MLflow fills in is what the command line reads, each under its own name.
    pairs = re.findall(r"--([a-z-]+) \{(\w+)\}", entry["command"])
    assert [name for _, name in pairs] == options
    assert [option.replace("-", "_") for option, _ in pairs] == options
    assert entry["command"].split()[:2] == ["alignfreeze", command]
    assert all(p == {"type": "string", "default": ""} for p in entry["parameters"].values())


def test_every_entry_point_is_a_command():
    assert set(project()["entry_points"]) == set(ENTRY_POINTS)
