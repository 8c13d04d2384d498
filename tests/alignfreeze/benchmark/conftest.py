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


@pytest.fixture(autouse=True)
def in_cache(cache: Path) -> None:
    """Data is few sentences, in this process and in those that it starts."""


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    """Of a study of this test's own."""
    return {
        **OPTIONS,
        "study": uuid4().hex,
        "storage": f"sqlite:///{tmp_path / 'optuna.db'}",
    }
