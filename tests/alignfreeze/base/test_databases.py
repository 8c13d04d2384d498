from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from alignfreeze.base.databases import sqlite_file, sqlite_url

FILES = [
    "sqlite:///{}/plain.db",
    "sqlite:///{}/My%20Project/spaced.db",
    "sqlite:///{}/My Project/bare.db",
    "sqlite:///{}/timeout.db?timeout=60",
    "sqlite+pysqlite:///{}/driver.db",
    "sqlite:///{}/sharp#.db?timeout=60",
    "sqlite:///file:{}/uri.db?uri=true",
    "sqlite:///file:{}/My%2520Project/uri.db?mode=rwc&uri=true",
    "sqlite:///relative.db",
    "sqlite:///C:/windows.db",
    "sqlite:///~/home.db",
]


@pytest.mark.parametrize("url", FILES)
def test_the_file_is_the_one_that_sqlalchemy_opens(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("My Project", "C:", "~"):
        (tmp_path / name).mkdir()
    url = url.format(tmp_path)
    file = sqlite_file(url)
    assert not file.exists()
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    engine.dispose()
    assert file.is_file()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///?timeout=60",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:name?mode=memory&cache=shared&uri=true",
        "postgresql://u:secret@host/db",
    ],
)
def test_what_is_in_memory_or_elsewhere_is_no_file(url):
    assert sqlite_file(url) is None


@given(st.text(st.characters(exclude_characters="\0/", codec="utf-8"), min_size=1))
def test_a_url_of_a_file_is_that_of_no_other(name):
    file = Path("/folder") / f"x{name}" / "optuna.db"
    assert sqlite_file(sqlite_url(file)) == file
