from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from alignfreeze.base.databases import (
    same_database,
    sqlite_file,
    sqlite_url,
    tables_made_once,
)

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


@pytest.mark.parametrize(
    ("url", "other", "same"),
    [
        ("sqlite:///{}/a.db", "sqlite+pysqlite:///{}/a.db?timeout=60", True),
        ("sqlite:///{}/a.db", "sqlite:///a.db", True),
        ("sqlite:///{}/a.db", "sqlite:///{}/b.db", False),
        ("sqlite://", "sqlite://", False),
        ("postgresql://me:secret@host/db", "postgresql+psycopg://you@host/db", True),
        ("postgresql://host/db", "postgresql://host/other", False),
        ("postgresql://host/db", "postgresql://elsewhere/db", False),
        ("postgresql://host/db", "postgresql://host/db?options=-csearch_path%3Dother", False),
        ("postgresql://host:5000/db", "http://host:5000/db", False),
    ],
)
def test_a_database_is_known_again(url, other, same, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert same_database(url.format(tmp_path), other.format(tmp_path)) == same


def test_tables_that_are_there_are_named(tmp_path):
    url = sqlite_url(tmp_path / "some.db")
    with tables_made_once(url) as tables:
        assert tables == set()
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x INTEGER)")
    with tables_made_once(url) as tables:
        assert tables == {"t"}


def test_whoever_makes_the_same_tables_waits_until_they_are_there(own_database):
    begun, found = Event(), []

    def another():
        begun.set()
        with tables_made_once(own_database) as tables:
            found.extend(tables)

    thread = Thread(target=another)
    with tables_made_once(own_database):
        thread.start()
        begun.wait()
        thread.join(0.5)  # it would be over long ago
        assert thread.is_alive()
        with create_engine(own_database, poolclass=NullPool).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
    thread.join()
    assert found == ["alembic_version"]
    with tables_made_once(own_database), tables_made_once(own_database) as tables:
        assert tables == {"alembic_version"}, "nobody waits once all are there"
