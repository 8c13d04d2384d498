"""Made distributions, found as if pip had installed them."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

Installed = Callable[[Path, Path], None]


def _install(folder: Path, target: Path) -> None:
    """Write what an editable installation leaves: metadata, and a line that finds the package."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    stem = project["name"].replace("-", "_")
    metadata = target / f"{stem}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (target / stem).symlink_to(folder / stem)


@pytest.fixture(scope="session")
def install() -> Installed:
    """Puts a made distribution into a folder of the path, without pip and the network."""
    return _install
