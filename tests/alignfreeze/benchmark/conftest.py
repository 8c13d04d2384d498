"""Fixtures of the benchmark's tests."""

from pathlib import Path
from uuid import uuid4

import pytest

OPTIONS = {
    "preset": "demo",
    "tasks": "pos,ner",
    "strategies": "baseline,front",
    "seeds": "31",
    "languages": "de,ru",
    "realign_steps": "4",
    "finetune_steps": "4",
    "alignment_pairs": "0",
    "precision": "fp32",
}
"""A grid of four cells that take a second each."""


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded corpus is written once for all tests."""
    return tmp_path_factory.mktemp("benchmark-cache")


@pytest.fixture(autouse=True)
def cache(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this process, and of those that it starts."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(session_cache))
    return session_cache


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    """Of a study of this test's own."""
    return {
        **OPTIONS,
        "study": uuid4().hex,
        "storage": f"sqlite:///{tmp_path / 'optuna.db'}",
    }
