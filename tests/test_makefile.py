"""What `make` says where the Python is not the one that it needs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

OLD = 'case "$*" in --version) echo Python 3.10.2;; *) exit 1;; esac'
NO_PIP = f'case "$*" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (OLD, "python is Python 3.10.2, AlignFreeze needs Python 3.11 or later; "),
        (NO_PIP, "python has no venv with pip (on Debian: apt-get install python3-venv); "),
        (
            "echo several >&2; echo lines >&2; exit 127",
            "python does not start, AlignFreeze needs Python 3.11 or later; ",
        ),
        (None, "python, AlignFreeze needs Python 3.11 or later; another Python is named by"),
    ],
)
def test_one_line_says_what_is_missing(script, said, tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        python.chmod(0o755)
    command = ["make", "run", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert 'make run PYTHON=python3.12"' in line
    assert not (tmp_path / ".venv").exists()
