"""Which commit this code is of; of the standard library alone, since building asks for it too."""

import os
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def commit_mark(root: Path, release: str) -> str:
    """What a version says of its commit, after the release: ``+gabc1234``, ``+gabc1234.dirty``.

    Args:
        root: The checkout.
        release: The release, such as ``0.2.0``, whose tag is ``v0.2.0``.

    Returns:
        The mark; empty for the commit that has the release's tag, with nothing changed in it, and
        where there is no checkout, or git cannot be asked.
    """
    if not (root / ".git").exists():
        return ""
    ask = ["git", "describe", "--tags", "--always", "--long", "--abbrev=7", "--dirty=.dirty"]
    try:
        answer = subprocess.run(
            [*ask, f"--match=v{release}"],
            cwd=root,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    # ``v0.2.0-3-gabc1234.dirty``; or ``abc1234.dirty`` where the tag is not known.
    tagged, _, commit = answer.rpartition("-g")
    return "" if tagged == f"v{release}-0" and "." not in commit else f"+g{commit}"


@cache
def own_version() -> str:
    """The version of this package: of a checkout as it is now, else as it was built."""
    try:
        built = version("alignfreeze")
    except PackageNotFoundError:
        return "0+not.installed"
    release = built.partition("+")[0]
    root = Path(__file__).parents[2]
    return release + commit_mark(root, release) if (root / ".git").exists() else built
