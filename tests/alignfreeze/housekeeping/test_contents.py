"""What is in a cache is known by where it lies and how it is called."""

import os
from pathlib import Path

import pytest

from alignfreeze.housekeeping.contents import Kind, entries_of

KEY = "0123456789abcdef"
HEX = KEY * 2

PLACES = {
    f"checkpoints/{KEY}/{HEX}/step-000000001/model": (f"checkpoints/{KEY}/{HEX}", Kind.CHECKPOINTS),
    f"corpora/en-de-{KEY}/pairs": (f"corpora/en-de-{KEY}", Kind.ALIGNMENTS),
    f"alignments/en-de-{KEY}/links": (f"alignments/en-de-{KEY}", Kind.ALIGNMENTS),
    f"scores/en-de-{KEY}/scores": (f"scores/en-de-{KEY}", Kind.SCORES),
    f"scores/.en-de-{KEY}-shards-7/00001/a": (f"scores/.en-de-{KEY}-shards-7", Kind.SHARDS),
    f"bitexts/en-de-{KEY}/en-de.en": (f"bitexts/en-de-{KEY}", Kind.CONVERTED),
    "hub/google/xquad/main/xquad.de/validation.parquet": ("hub/google/xquad/main", Kind.HUB),
    f"mirrors/{KEY}/google/xquad/main/a": (f"mirrors/{KEY}", Kind.MIRRORED),
    f"demo/{KEY}/pos/en": (f"demo/{KEY}", Kind.DEMO),
    f"search/{KEY}/identity/model": (f"search/{KEY}", Kind.MODELS),
    f"search/{KEY}-logs/worker-0.log": (f"search/{KEY}-logs", Kind.LOGS),
    f"benchmark/{KEY}-logs/worker-0.log": (f"benchmark/{KEY}-logs", Kind.LOGS),
    f"benchmark/{KEY}.lock": (f"benchmark/{KEY}.lock", Kind.LOCKS),
    "prefixes/tmp8a_bcd7e": ("prefixes/tmp8a_bcd7e", Kind.UNFINISHED),
    "unlogged/run.json": ("unlogged/run.json", Kind.UNLOGGED),
    f"corpora/.en-de-{KEY}-{HEX}/pairs": (f"corpora/.en-de-{KEY}-{HEX}", Kind.UNFINISHED),
    f"corpora/.en-de-{KEY}-{HEX}.lock": (f"corpora/.en-de-{KEY}-{HEX}.lock", Kind.UNFINISHED),
    f"corpora/.en-de-{KEY}-shards-7/00001/a": (f"corpora/.en-de-{KEY}-shards-7", Kind.SHARDS),
    f"corpora/.a-shards-1-{HEX}/0/a": (f"corpora/.a-shards-1-{HEX}", Kind.SHARDS),
    f"checkpoints/{KEY}/{HEX}/step-000000002.partial/a": (
        f"checkpoints/{KEY}/{HEX}/step-000000002.partial",
        Kind.UNFINISHED,
    ),
    f"hub/google/xquad/main/xquad.de/.validation.parquet-{HEX}": (
        f"hub/google/xquad/main/xquad.de/.validation.parquet-{HEX}",
        Kind.UNFINISHED,
    ),
    f"search/{KEY}/.identity-{HEX}/model": (f"search/{KEY}/.identity-{HEX}", Kind.UNFINISHED),
    f".pruned-{HEX}/a": (f".pruned-{HEX}", Kind.UNFINISHED),
    # A cache that was put where a user keeps more.
    "photos/cat.jpg": ("photos", Kind.OTHER),
    "notes.txt": ("notes.txt", Kind.OTHER),
    "checkpoints/readme": ("checkpoints/readme", Kind.OTHER),
    "benchmark/odd": ("benchmark/odd", Kind.OTHER),
    "checkpoints/llama/last/model": ("checkpoints/llama/last", Kind.OTHER),
    "corpora/UD_English/train": ("corpora/UD_English", Kind.OTHER),
    "demo/poetry.lock": ("demo/poetry.lock", Kind.OTHER),
    "prefixes/wine/c": ("prefixes/wine", Kind.OTHER),
    "search/notes/a": ("search/notes", Kind.OTHER),
    "search/old-logs/a": ("search/old-logs", Kind.OTHER),
    f".thumbnails-{HEX}/a": (f".thumbnails-{HEX}", Kind.OTHER),
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


def test_what_cannot_be_looked_at_is_left_out(full, monkeypatch):
    lstat = Path.lstat

    def refusing(path):
        if path.name == "notes.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", refusing)
    assert sum(entry.size for entry in entries_of(full)) == 5 * (len(PLACES) - 1)
