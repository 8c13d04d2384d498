"""Databases: which one a URL means, and its tables, which one process at a time makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import URL, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

MAKING_SECONDS = 60
"""How long at most another process is waited for that makes the same tables."""

VERSION_TABLE = "alembic_version"
"""The table that MLflow makes last, and so does Optuna: one database cannot be of both."""

_LOCK = {"name": "alignfreeze makes tables"}


def sqlite_file(url: str | URL) -> Path | None:
    """The file that SQLAlchemy opens for a URL; ``None`` for another database, or one in memory.

    Its rules are asked, not told again: ``%20`` is a space, what comes after ``?`` is no part of
    the name, one that is relative is meant from the working folder, and ``~`` is a folder's name.

    Raises:
        ArgumentError: If it is no such URL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    (name, *_), options = parsed.get_dialect()().create_connect_args(parsed)
    if options.get("uri"):  # which SQLite itself takes apart
        place = urlsplit(str(name))
        in_memory = parse_qs(place.query).get("mode") == ["memory"]
        name = ":memory:" if in_memory else unquote(place.path)
    return None if name in ("", ":memory:") else Path(name).absolute()


def sqlite_url(file: Path) -> str:
    """The URL of a file, whatever its name."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def same_database(url: str | URL, other: str | URL) -> bool:
    """Whether two URLs are of one database, as far as they tell: a host may have several names.

    Raises:
        ArgumentError: If one of them is no such URL.
    """
    return _place(make_url(url)) == _place(make_url(other))


def _place(url: URL) -> tuple[object, ...]:
    if url.get_backend_name() == "sqlite":
        return (sqlite_file(url) or object(),)  # each one in memory is another
    # Options may name a schema, such as `search_path` of PostgreSQL, and so keep two apart.
    return url.get_backend_name(), url.host, url.port, url.database, url.query


@contextmanager
def tables_made_once(url: str | URL, **options: Any) -> Iterator[frozenset[str]]:
    """Make a database's tables, while other processes wait that would make them, too.

    It is a lock of PostgreSQL's, which ends with its transaction; other databases have none here.

    Args:
        url: The database's.
        options: How SQLAlchemy connects, as its `create_engine` takes it.

    Yields:
        The names of the tables that are there.

    Raises:
        SQLAlchemyError: If the database cannot be read, or another process takes too long.
    """
    with create_engine(url, poolclass=NullPool, **options).begin() as connection:
        tables = inspect(connection).get_table_names()
        if connection.dialect.name == "postgresql" and VERSION_TABLE not in tables:
            connection.execute(text(f"SET LOCAL lock_timeout = '{MAKING_SECONDS}s'"))
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), _LOCK
            )
            tables = inspect(connection).get_table_names()
        yield frozenset(tables)
