"""Bilingual dictionaries in MUSE format, which are nice to have."""

import logging
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from alignfreeze.data.hub.kept_files import is_whole, replacing
from alignfreeze.encoders.modelfiles import why_offline

logger = logging.getLogger(__name__)

MUSE = "https://dl.fbaipublicfiles.com/arrival/dictionaries"
TIMEOUT = 20.0
"""Seconds without an answer after which a dictionary is given up."""


class Dictionaries:
    """Fetches dictionaries; one that cannot be had is a warning, for some aligners need none.

    Args:
        folder: Where they are put.
        mirror: Folder that has them; ``None`` for their publisher's site.
    """

    def __init__(self, folder: Path, mirror: Path | None) -> None:
        self._folder = folder
        self._mirror = mirror
        self._gave_up = ""

    def fetch(self, source: str, target: str) -> Path | None:
        """Write ``source-target.txt``, unless it is there; ``None`` if it cannot be had."""
        path = self._folder / f"{source}-{target}.txt"
        if self._mirror is None and is_whole(path):
            return path
        if self._gave_up:
            logger.warning("no dictionary %s: not asked for, since %s", path.name, self._gave_up)
            return None
        try:
            content = self._content(path.name)
        except (OSError, HTTPException) as error:
            reason = str(error) or type(error).__name__
            logger.warning("no dictionary %s: %s", path.name, reason)
            # A site that does not answer would not answer for the next 67 either.
            if self._mirror is None and not isinstance(error, urllib.error.HTTPError):
                self._gave_up = reason
            path.unlink(missing_ok=True)
            return None
        with replacing(path) as (temporary,):
            temporary.write_bytes(content)
        return path

    def _content(self, name: str) -> bytes:
        if self._mirror is not None:
            return (self._mirror / name).read_bytes()
        if reason := why_offline():
            raise OSError(reason)
        with urllib.request.urlopen(f"{MUSE}/{name}", timeout=TIMEOUT) as response:
            return bytes(response.read())
