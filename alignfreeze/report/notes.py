"""What the reader of a report has to know of its metrics, averages and versions, in words."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from alignfreeze.base.digests import hash_of
from alignfreeze.contracts.registry import TASK, load_plugin
from alignfreeze.errors import PluginError
from alignfreeze.evaluation import taskdata
from alignfreeze.report.score_tables import ScoreTable, called
from alignfreeze.tracking.names import CODE, DEVICE, OBJECTIVE_CODE, STRATEGY_CODE, TASK_CODE
from alignfreeze.tracking.reference import METRIC_NOTES
from alignfreeze.tracking.store import StoredRun


def metric_note(task: str, metric: str, *, imported: bool) -> str:
    """What the task says of its metric, as it is installed here; empty if nothing.

    Of a task that is not installed nothing is known. Imported scores are of the reference
    implementation, whose metrics of the same name may be others.
    """
    if imported:
        note = METRIC_NOTES.get((task, metric))
        return f"imported {task} {metric}: {note}." if note else ""
    try:
        return taskdata.metric_note(task, load_plugin(TASK, task), metric)
    except PluginError:
        return ""


def left_out_of(table: ScoreTable, variants: Collection[str]) -> list[str]:
    """A sentence for each of some variants whose average is compared without something."""
    sentences = []
    for variant in (name for name in table.compared if name in variants):
        found = table.comparison(variant)
        seeds = {*table.seeds(variant), *table.seeds(table.reference)} - found.own.keys()
        without = ", ".join([*found.without, *(f"seed {seed}" for seed in sorted(seeds))])
        if not found.own:
            languages = ", ".join(found.languages) or "a target language"
            sentences.append(
                f"The average of {variant} is not compared: there is no seed with which it and "
                f"{called(table.reference)} both have {languages}."
            )
        elif without:
            sentences.append(f"The average of {variant} is compared without {without}.")
    return sentences


def mixture(versions: Sequence[str]) -> list[str]:
    """A sentence on what a table mixes several versions of; none where it does not."""
    return [f"Runs of several versions are mixed here: {'; '.join(versions)}."] if versions else []


def comparisons(tables: Iterable[ScoreTable]) -> list[str]:
    """What averages are compared without, a line each, for all models and tasks."""
    return [
        f"{table.name}: {sentence}"
        for table in tables
        for sentence in left_out_of(table, table.variants)
    ]


PACKAGE = "alignfreeze"
OWN_CODE = "code of alignfreeze"
PLUGINS = (("strategy", STRATEGY_CODE), ("objective", OBJECTIVE_CODE), ("task", TASK_CODE))
"""The kinds of plugins that a run has, and the tags of their code."""

SHORT_HASH = 7
UNKNOWN = "unknown"


def mixed_versions(runs: Iterable[StoredRun]) -> list[str]:
    """What several versions, or devices, are mixed of, a line each: which, and how many runs.

    Of older runs the versions may be unknown, which is one more version.
    """
    found = list(runs)
    known = [_versions(run) for run in found]
    names = sorted({name for versions in known for name in versions} - {PACKAGE})
    mixed = {n: [versions.get(n, UNKNOWN) for versions in known] for n in (PACKAGE, *names)}
    codes = sorted(
        (f"code of {kind} {_name(run, kind)}", hash_of([run.tags[code]])[:SHORT_HASH])
        for run in found
        for kind, code in PLUGINS
        if code in run.tags
    )
    for name, code in codes:
        mixed.setdefault(name, []).append(code)
    lines = []
    for name, versions in mixed.items():
        counts = sorted(Counter(versions).items())
        texts = [f"{version} ({n} run(s))" for version, n in counts]
        lines += [f"{name} {', '.join(texts)}"] if len(counts) > 1 else []
    return lines


def _name(run: StoredRun, kind: str) -> str:
    """The plugin of a kind, which is a tag, or else a param."""
    return run.tags.get(kind) or run.params.get(kind, UNKNOWN)


def _versions(run: StoredRun) -> dict[str, str]:
    """Versions by name, from tags such as ``0.1.0`` and ``numpy 2.4.0, torch 2.13.0``.

    A run whose encoder was realigned elsewhere has tags of that too, with ``realign_`` before.
    """
    own, made = _of_phase(run, ""), _of_phase(run, "realign_")
    others = {name: version for name, version in made.items() if own.get(name) != version}
    return own | {
        name: f"{own.get(name, UNKNOWN)} on an encoder of {version}"
        for name, version in others.items()
    }


def _of_phase(run: StoredRun, prefix: str) -> dict[str, str]:
    pairs = [pair.split() for pair in run.tags.get(f"{prefix}libraries", "").split(",")]
    found = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    found[PACKAGE] = run.tags.get(f"{prefix}version", "")
    found[OWN_CODE] = run.tags.get(f"{prefix}{CODE}", "")[:SHORT_HASH]
    found[DEVICE] = run.tags.get(f"{prefix}{DEVICE}", "")
    return {name: version for name, version in found.items() if version}
