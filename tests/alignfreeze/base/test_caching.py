import errno
import hashlib
import re
from pathlib import Path

import pytest

from alignfreeze.base.caching import (
    SUMS,
    building,
    check_sealed,
    found_whole,
    locked,
    seal,
)
from alignfreeze.base.digests import file_digest, folder_digest
from alignfreeze.base.paths import cache_root
from alignfreeze.errors import DataError


def test_cache_root_is_what_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.setenv("ALIGNFREEZE_CACHE", "")
    assert cache_root().name == "alignfreeze"


def test_file_digest_is_sha256(write):
    assert file_digest(write("a", "text")) == hashlib.sha256(b"text").hexdigest()


def test_file_digest_needs_a_file(tmp_path):
    with pytest.raises(DataError, match="nothing: cannot be read: No such file"):
        file_digest(tmp_path / "nothing")


def test_folder_digest_depends_on_names_and_content(write, tmp_path):
    write("a.py", "1")
    write("sub/b.py", "2")
    first = folder_digest(tmp_path, "**/*.py")
    write("c.txt", "3")
    assert folder_digest(tmp_path, "**/*.py", "*.py") == first
    assert folder_digest(tmp_path, "**/*.py", "*.txt") != first
    assert folder_digest(tmp_path) == folder_digest(tmp_path, "*.py", "*.txt")
    (tmp_path / "a.py").rename(tmp_path / "d.py")
    assert folder_digest(tmp_path, "**/*.py") != first


def test_a_folder_is_built_where_a_file_system_has_no_locks(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", fail)
    with building(tmp_path / "folder") as empty:
        (empty / "file").write_text("text")
    assert found_whole(tmp_path / "folder", "it")


def test_building_moves_a_complete_folder_into_place(tmp_path):
    folder = tmp_path / "deep" / "folder"
    with building(folder) as temporary:
        (temporary / "file").write_text("content")
        assert not folder.exists()
    assert (folder / "file").read_text() == "content"
    assert _names(folder.parent) == ["folder"]


def test_building_leaves_nothing_after_an_error(tmp_path):
    def fail() -> None:
        with building(tmp_path / "folder") as temporary:
            (temporary / "file").write_text("half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert _names(tmp_path) == []


def test_the_first_of_two_builders_wins(tmp_path):
    folder = tmp_path / "folder"
    with building(folder) as slow:
        (slow / "file").write_text("slow")
        with building(folder) as quick:
            (quick / "file").write_text("quick")
    assert (folder / "file").read_text() == "quick"
    assert _names(tmp_path) == ["folder"]


def test_building_does_not_replace_a_file(tmp_path):
    folder = tmp_path / "folder"
    folder.write_text("in the way")
    with pytest.raises(OSError, match="folder"), building(folder):
        pass
    assert _names(tmp_path) == ["folder"]


def test_what_is_built_is_sealed(tmp_path):
    with building(tmp_path / "folder") as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "a b").write_text("1")
        (temporary / "c").write_text("2")
    names = check_sealed(tmp_path / "folder", "the thing")
    assert names == {"c", "sub/a b"}
    sums = f"{hashlib.sha256(b'2').hexdigest()}  c\n{hashlib.sha256(b'1').hexdigest()}  sub/a b\n"
    assert (tmp_path / "folder" / SUMS).read_text() == sums


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: path.unlink(), "file is missing"),
        (lambda path: path.write_text("con"), "file is not what was written"),
        (lambda path: path.write_text(""), "file is not what was written"),
        (lambda path: path.write_bytes(bytes(7)), "file is not what was written"),
        (lambda path: path.with_name(SUMS).unlink(), "SHA256SUMS cannot be read"),
        (lambda path: path.with_name(SUMS).write_text("?"), "SHA256SUMS cannot be read"),
        (lambda path: path.with_name(SUMS).write_text(""), "SHA256SUMS is empty"),
    ],
)
def test_damage_is_named(tmp_path, damage, fault):
    (tmp_path / "file").write_text("content")
    seal(tmp_path)
    damage(tmp_path / "file")
    message = f"{tmp_path}: the thing is damaged, {fault}; do this"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        check_sealed(tmp_path, "the thing", "do this")


def test_a_lock_is_held_by_one_and_free_afterwards(tmp_path):
    with (
        locked(tmp_path / "a"),
        locked(tmp_path / "b"),
        pytest.raises(BlockingIOError, match=r"another process holds .*a\.lock"),
        locked(tmp_path / "a", wait=0),
    ):
        pass
    with pytest.raises(KeyError, match="own"), locked(tmp_path / "a"):
        raise KeyError("own")
    with locked(tmp_path / "a", wait=0):
        assert _names(tmp_path) == ["a.lock", "b.lock"]


@pytest.mark.parametrize("fault", [OSError(errno.ENOLCK, "No locks"), NotImplementedError()])
def test_a_file_system_without_locks_has_none(tmp_path, monkeypatch, fault):
    def refuse(self, **options):
        raise fault

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with locked(tmp_path / "a"), locked(tmp_path / "a", wait=0):
        pass
    with building(tmp_path / "folder") as folder:
        (folder / "file").touch()
    assert (tmp_path / "folder" / "file").is_file()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_whole_is_left_and_what_is_damaged_is_dropped(tmp_path, caplog):
    folder = tmp_path / "folder"
    assert not found_whole(folder, "the thing")
    with building(folder) as empty:
        (empty / "file").write_text("content")
    assert found_whole(folder, "the thing")
    assert caplog.messages == []
    (folder / "file").write_text("conten")
    assert not found_whole(folder, "the thing")
    assert caplog.messages == [
        f"{folder}: the thing is damaged, file is not what was written; it is made again"
    ]
    assert list(tmp_path.iterdir()) == []


def test_what_is_damaged_and_cannot_be_dropped_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()

    def refuse(self, target):
        raise PermissionError

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DataError, match=r"folder: the thing is damaged, SHA256SUMS .* delete the"):
        found_whole(folder, "the thing")
