"""The public API: imported when it is asked for, under names that no package takes."""

import pkgutil
import subprocess
import sys

import pytest

import alignfreeze


@pytest.mark.parametrize("name", alignfreeze.__all__)
def test_what_is_public_is_there(name):
    assert getattr(alignfreeze, name)
    assert name in dir(alignfreeze)


def test_no_public_name_is_that_of_a_package():
    packages = {module.name for module in pkgutil.iter_modules(alignfreeze.__path__)}
    assert not packages & set(alignfreeze.__all__)


def test_another_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = alignfreeze.runn


HEAVY = {"torch", "transformers", "mlflow", "optuna", "datasets", "accelerate", "pandas"}


@pytest.mark.parametrize(
    "statement",
    [
        "import alignfreeze, alignfreeze.cli.main",
        "from alignfreeze import RunConfig, build_config; build_config({})",
        "import alignfreeze.contracts, alignfreeze.contracts.registry, alignfreeze.runs.identity",
        "from alignfreeze.contracts.registry import catalogue; catalogue()",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement):
    code = f"import sys\n{statement}\nprint(sorted({HEAVY} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_a_report_needs_no_torch():
    code = "import sys, alignfreeze.report.report\nprint('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
