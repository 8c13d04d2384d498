"""Fixtures of the benchmark's tests."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest

from alignfreeze.contracts import Plugin, registry

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


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, type[Plugin]], None]:
    """Registers a plugin by its group and name, as if a distribution had it."""
    module = ModuleType("plugins_of_the_grid")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    installed = registry._registered

    def register(group: str, name: str, plugin: type[Plugin]) -> None:
        setattr(module, name, plugin)
        own = {name: [EntryPoint(name, f"{module.__name__}:{name}", group)]}
        monkeypatch.setattr(
            registry,
            "_registered",
            lambda asked, places: installed(asked, places) | (own if asked == group else {}),
        )

    return register
