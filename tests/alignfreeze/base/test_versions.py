"""What stands for the code that computes: all of it, and no other."""

import shutil
from pathlib import Path

import pytest

import alignfreeze
from alignfreeze.base import versions
from alignfreeze.base.versions import COMPUTING, code_digest, imported_modules
from alignfreeze.search.study import search_code

ROOT = Path(alignfreeze.__file__).parent

STARTS = ("runs/phases.py", "realignment/*.py", "evaluation/*.py", "probing/*.py")
"""Where a phase computes."""

BARE = {"alignfreeze", "alignfreeze.base"}
"""Packages that only hold names or modules."""

NO_PART = {
    "credentials": "hides what nobody is to see",
    "messages": "says what is wrong",
    "errors": "says it, too",
    "base.faults": "says it of the machine",
    "config": "the values of options, or what they come to, are in the hash of a phase",
    "tracking": "keeps and finds what was computed",
    "serving": "says what a saved model answers, when all is computed",
    "base.caching": "what it keeps is called by the hash of what it was made from, and sealed",
    "base.databases": "says which file a URL means",
    "base.disks": "says what fits",
    "base.digests": "another hash is another phase anyway",
    "base.documents": "writes down what was computed",
    "base.logs": "keeps what was said, and says it again",
    "base.markdown_tables": "writes it down, too",
    "base.owners": "says whose a folder is",
    "base.paths": "says what is at a path, not what is made of it",
    "base.plotting": "draws what was computed",
    "base.process_pools": "shares work out; what comes of it is that of one process",
    "base.processes": "says which one it is",
    "base.progress": "shows how far it is",
    "base.signals": "ends a run",
    "base.structured": "reads what is given, or refuses it",
    "base.tables": "tables of what was computed",
    "base.versions": "other versions, or other files, are other hashes anyway",
}
"""What a phase imports, and its result does not depend on; and why."""


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package, whose code is looked at in place of it."""
    skipped = shutil.ignore_patterns("*.safetensors", "*.json", "*.tsv", "__pycache__")
    copy = Path(shutil.copytree(ROOT, tmp_path / "alignfreeze", ignore=skipped))
    monkeypatch.setattr(versions.alignfreeze, "__file__", str(copy / "__init__.py"))
    return copy


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)


def test_all_that_a_phase_imports_counts_or_has_no_part_in_its_result():
    counted = {path for pattern in COMPUTING for path in ROOT.glob(pattern)}
    starts = [name_of(path) for pattern in STARTS for path in ROOT.glob(pattern)]
    assert len(starts) > len(STARTS)
    imported = imported_modules(starts)
    rest = {name for name, path in imported.items() if path not in counted} - BARE
    without = {name.split(".", 1)[1] for name in rest}
    reasons = {n: next((r for r in NO_PART if f"{n}.".startswith(f"{r}.")), None) for n in without}
    assert None not in reasons.values(), reasons
    assert set(reasons.values()) == set(NO_PART)


@pytest.mark.parametrize(
    "package",
    ["cli", "report", "search", "benchmark", "workers", "config", "tracking", "text", "data/hub"],
)
def test_a_docstring_makes_another_phase_only_where_it_computes(copied, package):
    before = code_digest.__wrapped__()
    for path in (copied / package).glob("*.py"):
        path.write_text('"""Said otherwise."""\n', "utf-8")
    assert (code_digest.__wrapped__() == before) == (package not in ("text", "data/hub"))


def test_what_shows_a_search_does_not_change_its_trials(copied):
    before = search_code()
    names = {path.stem for path in (copied / "search").glob("*.py")}
    counted = {
        name.rpartition(".")[2]
        for name in imported_modules(["alignfreeze.search.trials"], below="alignfreeze.search.")
    }
    assert {"trials", "objective", "space", "settings"} <= counted
    assert {"figures", "artifacts", "finalists"} <= names - counted
    for name in names - counted:
        (copied / "search" / f"{name}.py").write_text("", "utf-8")
    assert search_code() == before
    (copied / "search" / "objective.py").write_text("", "utf-8")
    assert search_code() != before
