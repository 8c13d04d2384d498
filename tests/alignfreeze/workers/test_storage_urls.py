"""URLs of storages: checked before anything is opened, and shown without passwords."""

import pytest

from alignfreeze.errors import ConfigError
from alignfreeze.workers.storage_urls import check_url, without_password


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "storage 'nonsense': Could not parse SQLAlchemy URL"),
        ("nonsense://x", "storage nonsense://x: Can't load plugin"),
        ("oracle://me:secret@host/x", r"storage oracle://me:\*\*\*@host/x: No module named"),
    ],
)
def test_what_is_no_storage_is_named(url, message):
    with pytest.raises(ConfigError, match=message):
        check_url(url)


def test_a_file_is_made_by_whoever_begins(tmp_path):
    file = tmp_path / "x.db"
    check_url(f"sqlite:///{file}")
    assert not file.exists()
    with pytest.raises(ConfigError, match=r"x\.db: there is no such file"):
        check_url(f"sqlite:///{file}", begun=True)
    file.touch()
    check_url(f"sqlite:///{file}", begun=True)
    check_url("sqlite://", begun=True)


def test_a_password_is_not_shown():
    shown = without_password("postgresql+psycopg://me:secret@host/db")
    assert "secret" not in shown
    assert "host/db" in shown
