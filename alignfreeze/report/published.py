"""The published figures of AlignFreeze (NAACL 2025): means and counts."""

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

from alignfreeze.report.counting import Counts

PUBLISHED_METRICS = {"pos": "accuracy", "ner": "accuracy", "nli": "accuracy", "qa": "f1"}
"""The metric of the published table, by task."""

BESIDE = {"qa": ("f1", "f1_squad")}
"""Our metrics that a printed figure may stand beside, by task, if not the one of its name alone."""


class Published(NamedTuple):
    """A published cell: mean over target languages in percent; no counts for the baseline."""

    metric: str
    languages: int
    mean: float
    counts: Counts | None


@cache
def published_figures() -> dict[tuple[str, str, str], Published]:
    """The published figures by model, task and strategy."""
    text = resources.files("alignfreeze.report").joinpath("published.csv").read_text("utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines()):
        languages = int(row["languages"])
        counts = Counts(int(row["down"]), int(row["up"]), languages) if row["down"] else None
        key = (row["model"], row["task"], row["strategy"])
        found[key] = Published(row["metric"], languages, float(row["mean"]), counts)
    return found
