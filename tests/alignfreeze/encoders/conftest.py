"""An encoder in a folder, and no hub."""

from pathlib import Path

import pytest

from alignfreeze.encoders import modelfiles
from alignfreeze.testing import tiny_encoder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is not asked."""
    monkeypatch.setattr(modelfiles, "why_offline", lambda: "the test has no network")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BERT that is saved."""
    tiny_encoder("bert").save_pretrained(tmp_path / "model")
    return tmp_path / "model"
