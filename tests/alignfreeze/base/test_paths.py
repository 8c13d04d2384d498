"""Paths that may be no paths at all."""

from pathlib import Path

import pytest

from alignfreeze.base.paths import existing_path, user_path
from alignfreeze.data.finding import find_data
from alignfreeze.encoders.stated import model_folder
from alignfreeze.errors import AlignFreezeError, ConfigError
from alignfreeze.runs.realigned import find_encoder

NO_PATHS = ["x" * 300, "./" + "x" * 300, "~no-such-user/x", "no\0path", "./loop"]


def test_what_is_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    assert existing_path("~/file") == tmp_path / "file"
    assert existing_path(str(tmp_path)) == tmp_path
    assert existing_path("~/gone") is None


@pytest.mark.usefixtures("experiment")
@pytest.mark.parametrize("given", NO_PATHS)
def test_what_cannot_be_is_not_there(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    assert existing_path(given) is None
    with pytest.raises(AlignFreezeError, match="there is no folder"):
        find_data(given)
    with pytest.raises(AlignFreezeError, match="encoder must be a folder, or the id"):
        find_encoder(given, tmp_path)
    if given.startswith((".", "~")):
        with pytest.raises(AlignFreezeError, match="there is no such folder"):
            model_folder(given)
    else:
        assert model_folder(given) is None


@pytest.mark.parametrize("given", ["~no-such-user/x", "no\0path", "x" * 300, "\ud800"])
def test_an_option_that_can_be_no_path_is_one_line(given: str) -> None:
    with pytest.raises(ConfigError, match="output must be a path, got '") as raised:
        user_path("output", given)
    assert len(str(raised.value)) < 500


def test_an_option_may_be_a_path_to_something_new(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert user_path("output", str(tmp_path / "file" / "x")) == tmp_path / "file" / "x"
    assert user_path("output", "~/x") == Path.home() / "x"
