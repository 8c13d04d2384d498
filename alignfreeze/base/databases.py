"""Files of databases in SQLite: which one a URL means, and the URL of one."""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import URL, make_url


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
