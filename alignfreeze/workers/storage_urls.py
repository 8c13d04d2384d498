"""URLs of Optuna's storages: whether one can be opened, and how it is shown."""

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from alignfreeze.base.databases import sqlite_file
from alignfreeze.base.paths import existing_path
from alignfreeze.credentials import hide, without_passwords
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown


def check_url(url: str, *, begun: bool = False) -> None:
    """Check that a URL is of a database, and that its driver is there; nothing is opened.

    Args:
        url: As SQLAlchemy takes it.
        begun: Whether a file that it names must be there: opening it would make it.

    Raises:
        ConfigError: If it is not, or must be there and is not.
    """
    try:
        create_engine(url).dispose()
        file = sqlite_file(url)
    except (SQLAlchemyError, ImportError) as error:
        raise ConfigError(f"storage {without_password(url)}: {error}") from None
    if begun and file is not None and existing_path(str(file)) is None:
        raise ConfigError(f"storage {url}: there is no such file")


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    hide(url)
    return shown(url) if "://" not in url else without_passwords(url)
