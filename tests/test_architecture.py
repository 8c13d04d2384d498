"""The structure that the design fixes: who may import whom, and one set of parameters."""

import ast
import re
from pathlib import Path

import yaml

from alignfreeze.cli.main import OPTIONS, app

ROOT = Path(__file__).parent.parent

PACKAGES = (
    "credentials",
    "messages",
    "errors",
    "base",
    "config",
    "text",
    "contracts",
    "encoders",
    "data",
    "alignment",
    "training",
    "realignment",
    "evaluation",
    "probing",
    "tracking",
    "housekeeping",
    "runs",
    "datacheck",
    "workers",
    "search",
    "benchmark",
    "report",
    "api",
    "cli",
)
"""A package imports from those before it, and its own modules from each other."""

STRANGERS = ({"search", "benchmark", "report"},)
"""Packages that do not import each other, though they stand in an order."""

ANYWHERE = {"testing"}
"""Imported by nothing of the core; imports what it likes."""

ONLY_IMPORTER = {
    "mlflow": {"tracking"},
    "optuna": {"search", "workers"},
    "typer": {"cli"},
    "submitit": {"workers"},
    "ray": {"workers"},
}

PLUGIN_IMPORTS = {"contracts", "config", "errors"}
ALIGNER_IMPORTS = PLUGIN_IMPORTS | {"encoders"}


def imports(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages_imported(path: Path) -> set[str]:
    """Which of the core's packages a file imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("alignfreeze.")}
    return names & {*PACKAGES, *ANYWHERE}


def test_the_core_imports_upwards_only_and_some_libraries_have_one_importer():
    core = ROOT / "alignfreeze"
    wrong = []
    for path in sorted(core.rglob("*.py")):
        own = path.relative_to(core).parts[0].removesuffix(".py")
        if own in ("__init__", "__main__"):
            continue
        assert own in {*PACKAGES, *ANYWHERE}, f"{path} is in no package of the design"
        apart = next((group - {own} for group in STRANGERS if own in group), set())
        before = {own, *(PACKAGES[: PACKAGES.index(own)] if own in PACKAGES else PACKAGES)}
        wrong += [
            f"{path.relative_to(ROOT)} imports {name}"
            for name in packages_imported(path) - (before - apart)
        ]
        for name in imports(path):
            library = name.partition(".")[0]
            if library.startswith("alignfreeze_") or own not in ONLY_IMPORTER.get(library, {own}):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_a_plugin_imports_contracts_alone():
    wrong = []
    for kind in ("strategies", "tasks", "aligners"):
        allowed = ALIGNER_IMPORTS if kind == "aligners" else PLUGIN_IMPORTS
        for path in sorted((ROOT / kind).rglob("*.py")):
            wrong += [
                f"{path.relative_to(ROOT)} imports {name}"
                for name in packages_imported(path) - allowed
            ]
            wrong += [
                f"{path}: {name}" for name in imports(path) if name.startswith("alignfreeze_")
            ]
    assert not wrong, "\n".join(wrong)


ENTRY_POINTS = {
    "main": "run",
    "realign": "realign",
    "evaluate": "evaluate",
    "search": "search",
    "benchmark": "benchmark",
    "report": "report",
}


def test_mlproject_and_command_line_take_the_same_parameters():
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text("utf-8"))["entry_points"]
    assert set(entry_points) == set(ENTRY_POINTS)
    for entry_point, command in ENTRY_POINTS.items():
        entry = entry_points[entry_point]
        cli = next(c for c in app.registered_commands if c.name == command)
        options = list(cli.callback.__signature__.parameters)
        assert options == list(OPTIONS[command])
        assert list(entry["parameters"]) == options
        # What MLflow fills in is what the command line reads, each under its own name.
        pairs = re.findall(r"--([a-z-]+) \{(\w+)\}", entry["command"])
        assert [name for _, name in pairs] == options
        assert [option.replace("-", "_") for option, _ in pairs] == options
        assert entry["command"].split()[:2] == ["alignfreeze", command]
        assert all(p == {"type": "string", "default": ""} for p in entry["parameters"].values())
