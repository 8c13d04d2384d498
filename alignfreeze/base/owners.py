"""Whose a folder of the cache is: the process that writes it, and where its run is tracked."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from alignfreeze.credentials import without_passwords

OWNER_FILE = "owner.json"


class Owner(NamedTuple):
    """A process, as runs name it, and the URI of its tracking store."""

    process: str
    store: str

    def leave(self, folder: Path) -> None:
        """Write it down in a folder.

        Raises:
            OSError: If that cannot be written.
        """
        said = {"process": self.process, "store": without_passwords(self.store)}
        (folder / OWNER_FILE).write_text(json.dumps(said), encoding="utf-8")


def owner_of(folder: Path) -> Owner | None:
    """Whose a folder is; ``None`` where nothing, or nothing that can be read, says so."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((folder / OWNER_FILE).read_text(encoding="utf-8"))
        return Owner(str(said["process"]), str(said["store"]))
    return None
