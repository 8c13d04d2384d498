"""Whose a folder is can be read, or is not known."""

from alignfreeze.base.owners import OWNER_FILE, Owner, owner_of
from alignfreeze.base.processes import this_process


def test_whose_a_folder_is_has_no_password_and_may_be_unreadable(tmp_path):
    Owner(this_process(), "postgresql://u:secret@h/db").leave(tmp_path)
    assert owner_of(tmp_path) == Owner(this_process(), "postgresql://u:***@h/db")
    (tmp_path / OWNER_FILE).write_text("[]")
    assert owner_of(tmp_path) is None
    assert owner_of(tmp_path / "nothing") is None
