"""What is in a cache is known by where it lies and how it is called."""

import os
from pathlib import Path

import pytest

from alignfreeze.housekeeping.contents import Kind, entries_of

HEX = "0123456789abcdef" * 2

PLACES = {
    "checkpoints/abc/run/step-000000001/model": ("checkpoints/abc/run", Kind.CHECKPOINTS),
    "corpora/en-de-abc/pairs": ("corpora/en-de-abc", Kind.ALIGNMENTS),
    "alignments/en-de-abc/links": ("alignments/en-de-abc", Kind.ALIGNMENTS),
    "bitexts/en-de-abc/en-de.en": ("bitexts/en-de-abc", Kind.CONVERTED),
    "hub/google/xquad/main/xquad.de/validation.parquet": ("hub/google/xquad/main", Kind.HUB),
    "mirrors/abc/google/xquad/main/a": ("mirrors/abc", Kind.MIRRORED),
    "demo/abc/pos/en": ("demo/abc", Kind.DEMO),
    "search/abc/identity/model": ("search/abc", Kind.MODELS),
    "search/abc-logs/worker-0.log": ("search/abc-logs", Kind.LOGS),
    "benchmark/abc-logs/worker-0.log": ("benchmark/abc-logs", Kind.LOGS),
    "benchmark/abc.lock": ("benchmark/abc.lock", Kind.LOCKS),
    "prefixes/tmp8a": ("prefixes/tmp8a", Kind.UNFINISHED),
    "unlogged/run.json": ("unlogged/run.json", Kind.UNLOGGED),
    f"corpora/.en-de-abc-{HEX}/pairs": (f"corpora/.en-de-abc-{HEX}", Kind.UNFINISHED),
    f"corpora/.en-de-abc-{HEX}.lock": (f"corpora/.en-de-abc-{HEX}.lock", Kind.UNFINISHED),
    "corpora/.en-de-abc-shards-7/00001/a": ("corpora/.en-de-abc-shards-7", Kind.SHARDS),
    f"corpora/.a-shards-1-{HEX}/0/a": (f"corpora/.a-shards-1-{HEX}", Kind.SHARDS),
    "checkpoints/abc/run/step-000000002.partial/a": (
        "checkpoints/abc/run/step-000000002.partial",
        Kind.UNFINISHED,
    ),
    f"hub/google/xquad/main/xquad.de/.validation.parquet-{HEX}": (
        f"hub/google/xquad/main/xquad.de/.validation.parquet-{HEX}",
        Kind.UNFINISHED,
    ),
    f"search/abc/.identity-{HEX}/model": (f"search/abc/.identity-{HEX}", Kind.UNFINISHED),
    f".run-{HEX}/a": (f".run-{HEX}", Kind.UNFINISHED),
    "photos/cat.jpg": ("photos", Kind.OTHER),
    "notes.txt": ("notes.txt", Kind.OTHER),
    "checkpoints/readme": ("checkpoints/readme", Kind.OTHER),
    "benchmark/odd": ("benchmark/odd", Kind.OTHER),
}
"""What a file is part of, and what that is."""


@pytest.fixture
def full(tmp_path) -> Path:
    for name in PLACES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
    return tmp_path


def test_every_entry_is_of_its_kind_and_counted_once(full):
    found = {str(entry.path.relative_to(full)): entry for entry in entries_of(full)}
    assert {name: entry.kind for name, entry in found.items()} == dict(PLACES.values())
    assert sum(entry.size for entry in found.values()) == 5 * len(PLACES)
    assert len(entries_of(full)) == len(found)
    assert set(Kind) == {entry.kind for entry in found.values()}


def test_the_newest_of_its_files_says_when_an_entry_was_written_and_used(tmp_path):
    for name, written, read in (("a", 100, 900), ("b", 300, 200)):
        path = tmp_path / "demo" / "abc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
        os.utime(path, (read, written))
    for folder in ("demo/abc", "demo"):
        os.utime(tmp_path / folder, (50, 50))
    (entry,) = entries_of(tmp_path)
    assert (entry.written, entry.used, entry.size) == (300, 900, 8)


def test_what_a_link_leads_to_is_not_the_caches(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "text").write_text("mine")
    (tmp_path / "cache" / "demo").mkdir(parents=True)
    (tmp_path / "cache" / "demo" / "abc").symlink_to(tmp_path / "data")
    (entry,) = entries_of(tmp_path / "cache")
    assert entry.kind is Kind.OTHER


def test_a_cache_that_is_not_there_is_empty(tmp_path):
    assert entries_of(tmp_path / "nothing") == []
