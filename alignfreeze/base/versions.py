"""What computes here: the versions of libraries, and the code of this package."""

import ast
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import alignfreeze
from alignfreeze.base.digests import folder_digest

# Whatever another version of may give other numbers. Not here: pyarrow, datasets, safetensors and
# pandas, which keep and write numbers as they are; scipy, scikit-learn and networkx, which the
# aligner simalign alone computes with, and says so itself.
ENCODING = (
    "torch",
    "transformers",
    "tokenizers",  # splits text into subwords
    "numpy",  # draws orders and masks, gathers and measures
)
"""What an encoder's vectors of a text depend on."""

LIBRARIES = (
    *ENCODING,
    "accelerate",  # precision, and what processes share
    "icu4py",  # splits text into words
    "seqeval",  # scores named entities
)
"""What a result depends on, beside this package, the plugins and Python."""

COMPUTING = (
    "base/threads.py",
    *(f"{package}/**/*.py" for package in ("text", "contracts", "encoders", "data", "alignment")),
    *(f"{package}/**/*.py" for package in ("training", "realignment", "evaluation", "probing")),
    "runs/**/*.py",
)
"""Globs of the modules that a phase's result can depend on; what else it imports has no part in it:
a test says why."""


def library_versions() -> dict[str, str]:
    """The versions of what computes; another one may give other numbers.

    Of Python's own the last part is left out: sums and the classes of characters are the same.
    """
    python = ".".join(map(str, sys.version_info[:2]))
    return {"python": python, **{name: _installed(name) for name in LIBRARIES}}


@cache
def _installed(library: str) -> str:
    """A library's version, as it was when it was first asked for: it is imported by then."""
    return version(library)


def versions_text(versions: Mapping[str, str]) -> str:
    """Versions in one line: ``accelerate 1.10.0, numpy 2.3.1``, sorted by name."""
    return ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))


@cache
def code_digest() -> str:
    """The hash of this package's own code, so that a change of it makes a new phase.

    It is that of the files as they were when it was first asked for: those are imported by then.
    """
    return folder_digest(Path(alignfreeze.__file__).parent, *COMPUTING)


def imported_modules(start: Iterable[str], below: str = "alignfreeze") -> dict[str, Path]:
    """The modules of a package that some of them import, themselves included, with their files.

    What a function imports is among them; what is imported for types alone is not, nor what is not
    below the package.
    """
    root = Path(alignfreeze.__file__).parent.parent
    found: dict[str, Path] = {}
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        place = root.joinpath(*name.split("."))
        files = (place.with_suffix(".py"), place / "__init__.py")
        path = next(filter(Path.is_file, files), None)
        if path is None or name in found or not name.startswith(below):
            continue
        found[name] = path
        tree = ast.parse(path.read_bytes())
        checks = (node for node in ast.walk(tree) if isinstance(node, ast.If))
        typed = [check.body for check in checks if ast.unparse(check.test) == "TYPE_CHECKING"]
        for_types = {part for body in typed for line in body for part in ast.walk(line)}
        for node in {*ast.walk(tree)} - for_types:
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
    return found
