"""The structure that the design fixes: who may import whom, and what `mlflow run` takes."""

import ast
import re
import shlex
from pathlib import Path
from typing import cast

import pytest
import yaml
from mlflow.projects._project_spec import load_project

from alignfreeze.cli.checks import CHECKS
from alignfreeze.cli.flags import is_switch
from alignfreeze.cli.main import OPTIONS, app
from alignfreeze.data.finding import ENCODER as DEMO_ENCODER
from alignfreeze.errors import AlignFreezeError

ROOT = Path(__file__).parent.parent

PACKAGES = (
    "credentials",
    "messages",
    "errors",
    "base",
    "config",
    "text",
    "serving",
    "contracts",
    "scaffolding",
    "encoders",
    "data",
    "alignment",
    "training",
    "realignment",
    "evaluation",
    "probing",
    "scoring",
    "tracking",
    "housekeeping",
    "runs",
    "planning",
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
    for kind in ("strategies", "tasks", "aligners", "objectives"):
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


class SeenError(AlignFreezeError):
    """The options of a command have been read."""


@pytest.fixture
def options_of(monkeypatch):
    """The options that a command of `mlflow run` comes to."""
    seen = {}

    def see(options):
        seen.update(options)
        raise SeenError

    for command in ENTRY_POINTS.values():
        monkeypatch.setitem(cast(dict, CHECKS), command, see)

    def options(command):
        seen.clear()
        program, *arguments = shlex.split(command)
        assert program == "alignfreeze"
        with pytest.raises(SeenError):
            app(arguments, standalone_mode=False)
        return {name: text for name, text in seen.items() if text != ""}

    return options


MLPROJECT = (ROOT / "MLproject").read_text("utf-8")

ODD = " a 'b' \"c\" $d=e,f"


@pytest.mark.parametrize(("entry_point", "command"), ENTRY_POINTS.items())
@pytest.mark.parametrize("spelt", [str, lambda name: name.replace("_", "-")])
def test_mlflow_run_takes_every_option_by_its_name(entry_point, command, spelt, options_of):
    entry = load_project(str(ROOT)).get_entry_point(entry_point)
    assert entry.command == f"alignfreeze {command}"
    assert not entry.parameters, "what is declared is logged where it is not given, too"
    fields = OPTIONS[command]
    given = {name: "true" if is_switch(field) else ODD for name, field in fields.items()}
    handed_on = entry.compute_command({spelt(n): text for n, text in given.items()}, None)
    assert options_of(handed_on) == given


def test_mlproject_names_options_with_values_that_they_take():
    entry_points = yaml.safe_load(MLPROJECT)["entry_points"]
    assert list(entry_points) == list(ENTRY_POINTS)
    assert len(MLPROJECT.splitlines()) < 120
    texts = re.split(r"^  (\w+):$", MLPROJECT, flags=re.M)
    for entry_point, text in zip(texts[1::2], texts[2::2], strict=True):
        command = ENTRY_POINTS[entry_point]
        shown = dict(re.findall(r"# -P (\w+)=(\S+)", text))
        assert 5 < len(shown) <= 14
        assert {*shown} <= {*OPTIONS[command]}
        own_files = {"config", "space", "encoder"}
        values = {name: value for name, value in shown.items() if name not in own_files}
        CHECKS[command](values | {name: str(DEMO_ENCODER) for name in shown if name == "encoder"})
