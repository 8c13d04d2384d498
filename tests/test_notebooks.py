"""Every notebook runs, from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PATIENCE = 1800
"""Seconds after which a cell, or the kernel's start, hangs."""

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.filterwarnings("ignore")  # of the kernel's client, which is not ours
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_notebook_runs(path, tmp_path, small_cache, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_NOTEBOOK_STEPS", "2")
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=PATIENCE,
        startup_timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": tmp_path}},
    ).execute()
    assert any("image/png" in str(cell.get("outputs")) for cell in notebook.cells)
