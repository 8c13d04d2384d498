"""What computes here: the versions of libraries, and the code of this package."""

import sys
from collections.abc import Mapping
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
    "text",
    "contracts",
    "encoders",
    "data",
    "alignment",
    "training",
    "realignment",
    "evaluation",
    "probing",
    "runs",
)
"""The packages that a result can depend on."""


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


def code_digest() -> str:
    """The hash of this package's own code, so that a change of it makes a new phase."""
    root = Path(alignfreeze.__file__).parent
    return folder_digest(root, *(f"{package}/*.py" for package in COMPUTING))
