"""What a disk has room for is asked before anything is written."""

import pytest

from alignfreeze.base import disks
from alignfreeze.base.disks import Need, free_in, free_text, require_room
from alignfreeze.errors import ResourceError


@pytest.fixture
def free(monkeypatch):
    """Makes every disk have so many bytes free."""
    return lambda size: monkeypatch.setattr(disks, "free_in", lambda folder: size)


def test_what_is_free_is_that_of_the_disk_that_a_folder_will_be_on(tmp_path):
    assert free_in(tmp_path) == pytest.approx(free_in(tmp_path / "not" / "yet"), rel=0.1)
    assert free_text(tmp_path / "a").endswith(f"B are free in {tmp_path}/a")


def test_what_is_on_one_disk_has_to_fit_together(tmp_path, free):
    needs = [Need(tmp_path / "a", 600_000, "the model"), Need(tmp_path, 500_000, "its copy")]
    free(1_100_000)
    require_room(needs)
    free(1_000_000)
    require_room(needs[:1])
    with pytest.raises(ResourceError, match=r"1\.1 MB are needed and 1\.0 MB are free in") as told:
        require_room(needs, "smaller ones do")
    assert str(told.value).startswith("the model and its copy will not fit: ")
    assert str(told.value).endswith("; smaller ones do")


def test_a_disk_that_says_nothing_refuses_nothing(tmp_path, free):
    free(None)
    require_room([Need(tmp_path, 1 << 60, "the model")])
