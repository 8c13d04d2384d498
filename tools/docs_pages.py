"""A hook of mkdocs: pages that lie elsewhere in the repository, and links that leave ``docs/``.

Links in ``docs/`` are relative to the file, as they work where the repository is looked at. On the
site a file that is a page is linked as such, another one in the repository on the web.
"""

import posixpath
import re
import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent

PAGES = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "index.md": "README.md",
    "measurements.md": "benchmarks/RESULTS.md",
    "measurements-gpu.md": "benchmarks/GPU.md",
}
"""Pages of the site, and the files of the repository that they are."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
"""A link to a file: whether it is a picture, its text, the file and the place in it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie elsewhere."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with links that hold on the site."""
    name = page.file.src_uri
    return relinked(markdown, PAGES.get(name, f"docs/{name}"), web_address())


def relinked(markdown: str, source: str, address: str | None) -> str:
    """What a file of the repository says, with links as they are to be on the site.

    Args:
        markdown: its text.
        source: where it lies in the repository.
        address: of the repository on the web; without one, links to what is no page are plain text.
    """
    pages = {file: page for page, file in PAGES.items()}

    def replaced(link: re.Match[str]) -> str:
        picture, text, target, anchor = link.groups("")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if place in pages:
            return f"{picture}[{text}]({pages[place]}{anchor})"
        if place.startswith("docs/"):
            return f"{picture}[{text}]({place.removeprefix('docs/')}{anchor})"
        if place.startswith("..") or not (ROOT / place).exists():
            return link[0]  # mkdocs says what is wrong with it
        return f"[{text}]({address}/blob/main/{place}{anchor})" if address else text

    return LINK.sub(replaced, markdown)


def web_address() -> str | None:
    """The repository's address, which stands in pyproject.toml alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    urls: dict[str, str] = project.get("urls", {})
    return urls.get("Repository")
