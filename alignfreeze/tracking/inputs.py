"""Data sets that runs use, as MLflow knows data sets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

DIGEST_LENGTH = 12
"""Characters of a digest: MLflow takes 36, shows all, and its own have 8."""


class DataSet(NamedTuple):
    """A data set, and what a run uses it for; the names are those of MLflow's entities.

    Attributes:
        name: For a person.
        digest: The beginning of a hash of its content.
        source_type: One of MLflow's kinds of sources.
        source: Where it is from, as JSON of that kind.
        profile: How much of it there is, as JSON.
        context: What it is used for: train, validation, test, realignment.
    """

    name: str
    digest: str
    source_type: str
    source: str
    profile: str
    context: str


def data_set(
    name: str, context: str, content: str, source: Path | str, rows: Mapping[str, int]
) -> DataSet:
    """A data set.

    Args:
        name: For a person.
        context: What it is used for.
        content: A hash of what it holds.
        source: A folder; or a data set's name on the Hugging Face hub, after ``@`` its revision.
        rows: How many examples it has of each language.
    """
    if isinstance(source, Path):
        kind, where = "local", {"uri": str(source)}
    else:
        path, _, revision = source.partition("@")
        kind, where = "hugging_face", {"path": path} | ({"revision": revision} if revision else {})
    profile = {"num_rows": sum(rows.values()), **{f"rows of {code}": n for code, n in rows.items()}}
    return DataSet(
        name,
        content[:DIGEST_LENGTH],
        kind,
        json.dumps(where),
        json.dumps(profile),
        context,
    )
