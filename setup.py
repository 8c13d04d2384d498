"""Adds to pyproject.toml what only a build can know: its commit, and links that lead somewhere."""

import re
import runpy
import tomllib
from email import message_from_string
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VERSION, REPOSITORY = PROJECT["version"], PROJECT["urls"]["Repository"]

COMMITS = ROOT / "alignfreeze" / "base" / "commits.py"


def mark() -> str:
    """What is put behind the release: of the checkout, or what the sdist says that this is."""
    if (made := ROOT / "PKG-INFO").is_file():
        _, plus, local = message_from_string(made.read_text("utf-8"))["Version"].partition("+")
        return plus + local
    return runpy.run_path(str(COMMITS))["commit_mark"](ROOT, VERSION)


MARK = mark()

LINK = re.compile(r'(!?\[[^\]]*\]\(|<img [^>]*src="|href=")(?!\w+:|#)([^)"\s]+)')
"""A link of Markdown or HTML, relative to the README, and what stands before it."""


def absolute(text: str) -> str:
    """Let relative links of a README lead to the repository: PyPI shows it without the files."""
    commit = MARK.partition("+g")[2].removesuffix(".dirty") or f"v{VERSION}"

    def lead(link: re.Match[str]) -> str:
        kind = "raw" if link[1].startswith(("!", "<img")) else "blob"
        return f"{link[1]}{REPOSITORY}/{kind}/{commit}/{link[2]}"

    return LINK.sub(lead, text)


setup(
    options={"egg_info": {"tag_build": MARK}},
    long_description=absolute((ROOT / "README.md").read_text("utf-8")),
    long_description_content_type="text/markdown",
)
