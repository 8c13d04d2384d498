import errno
import logging
import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from alignfreeze.contracts import HubSplit
from alignfreeze.data.hub import streams
from alignfreeze.data.hub.supplier import HubSupplier
from alignfreeze.errors import MissingSplitError, ResourceError

OPUS = "Helsinki-NLP/opus-100"
COMMIT = "c0ffee" * 6 + "0000"
PLACE = HubSplit("some/data", "de", "train", ("a",), COMMIT)


def test_a_split_is_fetched_once(publish, supplier, monkeypatch, rows_of):
    place = replace(PLACE, repository="a/b", columns=("x", "y"))
    publish("a/b", "de", "train", {"x": ["1", "2"], "unused": [3, 4], "y": [5, 6]})
    supplier.fetch(place)
    assert rows_of(supplier, place) == [{"x": "1", "y": 5}, {"x": "2", "y": 6}]
    assert pq.read_schema(supplier.file(place)).names == ["x", "y"]
    monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", None)
    supplier.fetch(place)


def test_columns_are_added_to_what_is_there(publish, supplier, rows_of):
    publish("some/data", "de", "train", {"a": ["x"], "b": ["y"], "c": ["z"]})
    for column in ("a", "b", "a"):
        place = replace(PLACE, columns=(column,))
        supplier.fetch(place)
        assert rows_of(supplier, place) == [{column: {"a": "x", "b": "y"}[column]}]
    assert pq.read_schema(supplier.file(PLACE)).names == ["a", "b"]


@pytest.mark.parametrize(
    ("sealed", "fault"), [(True, "is not what was written"), (False, "cannot be read")]
)
def test_a_truncated_file_in_the_cache_is_fetched_anew(
    publish, supplier, caplog, sealed, fault, rows_of
):
    publish("some/data", "de", "train", {"a": ["x"]})
    supplier.fetch(PLACE)
    path = supplier.file(PLACE)
    path.write_bytes(path.read_bytes()[:50])
    if not sealed:  # as older versions wrote it
        path.with_name(f".{path.name}.sha256").unlink()
    supplier.fetch(PLACE)
    assert f"{path}: {fault}, and is fetched anew" in caplog.text
    assert rows_of(supplier, PLACE) == [{"a": "x"}]


def test_a_missing_split_writes_no_parquet_and_is_remembered(publish, online):
    publish("some/data", "de", "test", {"a": ["x"]})
    supplier = HubSupplier()
    for _ in range(2):
        # The hub is said to have it whatever is known: each run tells what it leaves out.
        assert supplier.has(PLACE)
        with pytest.raises(MissingSplitError, match="no split 'train' of config 'de', has: test"):
            supplier.fetch(PLACE)
        assert not supplier.file(PLACE).exists()
        online.clear()
    assert online == []


def test_a_split_that_a_mirror_loses_is_gone(publish, supplier):
    path = publish("some/data", "de", "train", {"a": ["x"]})
    publish("some/data", "de", "test", {"a": ["y"]})
    supplier.fetch(PLACE)
    path.unlink()
    with pytest.raises(MissingSplitError, match="no split 'train' of config 'de', has: test"):
        supplier.fetch(PLACE)
    assert not supplier.file(PLACE).exists()


def test_what_a_mirror_has(publish, supplier, mirror):
    for config in ("de", "fr"):
        publish("some/data", config, "train", {"a": ["x"]})
    shutil.rmtree(mirror / "some/data/fr")
    assert supplier.has(PLACE)
    for change in ({"repository": "no/data"}, {"config": "fr"}, {"config": "xx"}):
        assert not supplier.has(replace(PLACE, **change))
    assert not supplier.has(replace(PLACE, split="test"))


def test_a_data_set_that_changes_is_another(publish, mirror, rows_of):
    publish("some/data", "de", "train", {"a": ["x"]})
    HubSupplier(mirror).fetch(PLACE)
    publish("some/data", "de", "train", {"a": ["x", "y"]})
    changed = HubSupplier(mirror)
    changed.fetch(PLACE)
    assert rows_of(changed, PLACE) == [{"a": "x"}, {"a": "y"}]


def test_a_pinned_commit_is_read(publish, online, cache, rows_of):
    publish("some/data", "de", "train", {"a": ["x", "y"]})
    supplier = HubSupplier()
    supplier.fetch(PLACE)
    assert set(online) == {COMMIT}
    assert supplier.file(PLACE) == cache / f"hub/some/data/{COMMIT}/de/train.parquet"
    assert rows_of(supplier, PLACE) == [{"a": "x"}, {"a": "y"}]


@pytest.mark.parametrize(("revision", "folder"), [(None, "newest"), ("2.17", "2.17")])
def test_what_may_move_is_looked_up_once_and_kept_to(
    publish, online, commits, cache, caplog, revision, folder
):
    caplog.set_level(logging.INFO)
    for config in ("de", "fr"):
        publish("some/data", config, "train", {"a": ["x"]})
        HubSupplier().fetch(replace(PLACE, revision=revision, config=config))
    assert commits == [("some/data", revision)]
    assert set(online) == {"1" * 40}
    assert (cache / f"hub/some/data/{folder}/revision").read_text() == "1" * 40 + "\n"
    assert f"some/data, revision {folder!r}: from now on at commit 1111" in caplog.text


@pytest.mark.parametrize("content", [b"", b"111", b"\xff"])
def test_a_damaged_note_of_a_commit_is_asked_for_again(
    publish, online, commits, cache, caplog, content
):
    place = replace(PLACE, revision=None, config="fr")
    for config in ("de", "fr"):
        publish("some/data", config, "train", {"a": ["x"]})
        HubSupplier().fetch(replace(place, config=config))
        note = cache / "hub/some/data/newest/revision"
        note.write_bytes(content)
    assert commits == [("some/data", None)] * 2
    assert set(online) == {"1" * 40, "2" * 40}  # where it has moved to meanwhile
    assert f"{note}: is not what was written, and is fetched anew" in caplog.text


@pytest.mark.parametrize("ending", [".state", ".sha256"])
def test_a_note_that_is_no_text_is_no_obstacle(publish, supplier, rows_of, ending):
    publish("some/data", "de", "train", {"a": ["x"]})
    supplier.fetch(PLACE)
    path = supplier.file(PLACE)
    hidden = path.with_name(f".{path.name}.sha256")
    (path.with_suffix(ending) if ending == ".state" else hidden).write_bytes(b"\xff")
    supplier.fetch(PLACE)
    assert rows_of(supplier, PLACE) == [{"a": "x"}]


def test_a_mirror_has_no_revision_to_look_up(publish, supplier, commits):
    publish("some/data", "de", "train", {"a": ["x"]})
    supplier.fetch(replace(PLACE, revision="2.17"))
    assert commits == []


def test_what_is_in_the_cache_needs_no_network(publish, online, monkeypatch):
    publish("some/data", "de", "train", {"a": ["x"]})
    missing = [replace(PLACE, split="test"), replace(PLACE, config="xx")]
    for offline in ("", "there is no network"):
        online.clear()
        monkeypatch.setattr(streams, "why_offline", lambda reason=offline: reason)
        HubSupplier().fetch(PLACE)
        for place in missing:
            with pytest.raises(MissingSplitError):
                HubSupplier().fetch(place)
    assert online == []


def test_a_missing_split_that_an_older_version_noted_is_missing(online, cache):
    path = HubSupplier().file(PLACE).with_suffix(".absent")
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(MissingSplitError, match=r"from the hub: no split 'train'$"):
        HubSupplier().fetch(PLACE)
    assert online == []


def test_a_full_disk_is_no_fault_of_the_data_set(publish, supplier, monkeypatch):
    publish("some/data", "de", "train", {"a": ["x"]})

    def fill(dataset, place, path):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("alignfreeze.data.hub.supplier.write_parquet", fill)
    with pytest.raises(ResourceError, match=r"some/data de: the disk is full: .* free in .*train"):
        supplier.fetch(PLACE)
    assert not [path for path in supplier.file(PLACE).parent.rglob("*") if path.is_file()]
