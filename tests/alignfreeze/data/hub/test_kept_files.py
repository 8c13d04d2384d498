import pytest

from alignfreeze.data.hub.kept_files import replacing


def test_files_are_replaced_together(write, tmp_path):
    old, new = write("old", "before"), tmp_path / "sub" / "new"
    with replacing(old, new) as (first, second):
        first.write_text("after")
        second.write_text("after")
        assert (old.read_text(), new.exists()) == ("before", False)
    assert (old.read_text(), new.read_text()) == ("after", "after")


def test_after_an_error_files_are_as_they_were(write, tmp_path):
    old, new = write("old", "before"), tmp_path / "sub" / "new"

    def fail():
        with replacing(old, new) as (first, _):
            first.write_text("after")
            raise ValueError("half done")

    with pytest.raises(ValueError, match="half done"):
        fail()
    assert old.read_text() == "before"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old"]
