"""Which versions of the package, and of the libraries that compute, runs are of."""

from collections import Counter
from collections.abc import Iterable

from alignfreeze.tracking import StoredRun

PACKAGE = "alignfreeze"
UNKNOWN = "unknown"


def mixed_versions(runs: Iterable[StoredRun]) -> list[str]:
    """What several versions are mixed of, a line each: which, and how many runs of each.

    Args:
        runs: Of older ones the versions may be unknown, which is one more version.
    """
    known = [_versions(run) for run in runs]
    names = sorted({name for versions in known for name in versions})
    lines = []
    for name in [PACKAGE, *(name for name in names if name != PACKAGE)]:
        counts = Counter(versions.get(name, UNKNOWN) for versions in known)
        if len(counts) > 1:
            texts = [f"{version} ({n} run(s))" for version, n in sorted(counts.items())]
            lines.append(f"{name} {', '.join(texts)}")
    return lines


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
    version = run.tags.get(f"{prefix}version")
    return found | ({PACKAGE: version} if version else {})
