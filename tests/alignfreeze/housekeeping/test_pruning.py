"""Only what nobody needs goes, and nothing beside it."""

import os

import pytest

from alignfreeze.base.caching import locked
from alignfreeze.cli.main import main
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.housekeeping import pruning
from alignfreeze.housekeeping.pruning import look, older_than, prune
from alignfreeze.housekeeping.verdicts import DAY, HOUR

KEY = "0123456789abcdef"
HEX = KEY * 2


def test_what_is_locked_after_the_look_stays(root, make):
    lock = make(f"benchmark/{KEY}.lock", 2 * HOUR)
    cache = look()
    assert len(cache.going) == 1
    with locked(root / "benchmark" / KEY), pytest.raises(AlignFreezeError, match="another process"):
        prune(cache)
    assert lock.exists()
    assert prune(cache) > 0
    assert not lock.exists()


def test_what_links_lead_to_is_nobodys_to_remove(root, make, tmp_path):
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "file").write_text("a user's")
    root.mkdir()
    make(f"corpora/en-de-{KEY}/pairs", 40 * DAY)
    for name in ("hub", f"corpora/en-fr-{KEY}", f"corpora/en-de-{KEY}/within"):
        (root / name).symlink_to(tmp_path / "large", target_is_directory=True)
    prune(look(0.0))
    assert (tmp_path / "large" / "file").read_text() == "a user's"
    assert sorted(path.name for path in root.iterdir()) == ["corpora", "hub"]


@pytest.mark.parametrize("name", ["a/folder/cache", "cache"])
def test_folders_that_the_cache_is_in_stay(name, tmp_path, monkeypatch):
    root = tmp_path / "only" / name
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(root))
    (root / f".pruned-{HEX}" / "a").mkdir(parents=True)
    os.utime(root / f".pruned-{HEX}" / "a", (0, 0))
    os.utime(root / f".pruned-{HEX}", (0, 0))
    prune(look())
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("inside", ["", "name", "users/name"])
@pytest.mark.parametrize("command", [[], ["prune", "--dry-run"]])
def test_a_cache_with_the_home_folder_in_it_is_refused(command, inside, root, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(root / inside))
    with pytest.raises(SystemExit, match=r"^1$"):
        main(["cache", *command])
    assert f"must be a folder of its own, got '{root}'" in capsys.readouterr().err


def test_pruning_removes_what_goes_and_folders_that_only_that_was_in(root, checkpoint, make):
    name = checkpoint("FINISHED")
    make(f"corpora/en-de-{KEY}/pairs")
    make(f"corpora/en-fr-{KEY}/pairs", 40 * DAY)
    cache = look(30 * DAY)
    whole = sum(entry.size for entry, _ in cache.going)
    assert prune(cache) == whole > 0
    assert not (root / name).exists()
    assert [path.name for path in (root / "corpora").iterdir()] == [f"en-de-{KEY}"]
    assert prune(look(0)) > 0
    assert [*(root / "corpora").iterdir(), *(root / "checkpoints").iterdir()] == []


def test_what_cannot_be_removed_is_told_and_the_rest_is_removed(root, make, monkeypatch):
    kept = make(f"corpora/en-de-{KEY}/pairs", 40 * DAY)
    gone = make(f"demo/{KEY}/text", 40 * DAY)
    remove = pruning._remove

    def refusing(path, root):
        if path.parent.name == "corpora":
            raise PermissionError(13, "Permission denied")
        remove(path, root)

    monkeypatch.setattr(pruning, "_remove", refusing)
    with pytest.raises(AlignFreezeError, match=r"cannot be removed: .*en-de-\w+ \(Permission den"):
        prune(look(DAY))
    assert kept.exists()
    assert not gone.exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("", None), ("30d", 30 * DAY), ("12h", 12 * HOUR), ("2w", 14 * DAY)]
)
def test_an_age_is_a_number_with_its_unit(text, seconds):
    assert older_than(text) == seconds
    assert older_than("3") == 3 * DAY


@pytest.mark.parametrize("text", ["x", "-3d", "3 days", "d", "1" * 400, "30d\n"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(ConfigError, match="older-than must be an age such as 30d, 12h or 2w, got"):
        older_than(text)


def test_the_command_shows_prunes_and_tells(root, checkpoint, make, capsys):
    name = checkpoint("FINISHED")
    make(f"corpora/en-de-{KEY}/pairs", 40 * DAY)
    make("photos/cat.jpg")
    main(["cache"])
    shown = capsys.readouterr().out
    assert "aligned text" in shown
    assert f"not known, and left: {root}/photos" in shown
    main(["cache", "prune", "--older-than", "30d", "--dry-run"])
    dry = capsys.readouterr().out
    assert f"{root}/{name}: " in dry
    assert "2 of 3 would be removed: " in dry
    assert (root / name).is_dir()
    main(["cache", "prune", "--older-than", "30d"])
    assert capsys.readouterr().out == dry.replace("would be removed", "removed")
    assert [path for path in root.rglob("*") if path.is_file()] == [root / "photos" / "cat.jpg"]
    main(["cache", "prune"])
    assert "0 of 1 removed: 0 bytes" in capsys.readouterr().out
