"""What could not be logged while the tracking store was away, in a folder, to be logged later."""

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from alignfreeze.base.caching import locked
from alignfreeze.base.paths import cache_root
from alignfreeze.errors import DataError, TrackingError

ABOUT = "journal.json"
WRITES = "writes.jsonl"
FILES = "artifacts"

CREATE = "create"
ARTIFACTS = "artifacts"
MODEL = "model"
REGISTER = "register"
END = "end"

WITH_FOLDERS = (ARTIFACTS, MODEL)
"""Kinds of writes with a value `folder`."""

FORMAT = 1
"""Of these files; another one is refused."""


class Write(NamedTuple):
    """Something that is written into a run.

    Attributes:
        kind: What: create, name, params, tags, metrics, results, inputs, artifacts, model,
            register, text, end.
        run_id: The run's; one that is created by a journal has none in the store yet.
        values: What `writing.apply` takes, by name; JSON.
    """

    kind: str
    run_id: str
    values: Mapping[str, Any]


class Journal:
    """A folder of writes, in their order, one a line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held = ExitStack()

    @classmethod
    def begun(cls, store: str, process: str) -> "Journal":
        """A new one, in the cache.

        Args:
            store: The tracking store that it is for, without a password.
            process: The process that writes it.

        Raises:
            OSError: If it cannot be written.
        """
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:8]}"
        journal = cls((cache_root() / "unlogged" / name).absolute())
        journal.folder.mkdir(parents=True)
        about = {"format": FORMAT, "store": store, "process": process}
        (journal.folder / ABOUT).write_text(json.dumps(about), "utf-8")
        (journal.folder / WRITES).touch()
        journal._held.enter_context(locked(journal.folder / WRITES))
        _begun.append(journal.folder)
        return journal

    def close(self) -> None:
        """Let others read it."""
        self._held.close()

    def append(self, write: Write) -> None:
        """Add a write; of a folder, which may be gone soon, a copy.

        Raises:
            OSError: If it cannot be written.
        """
        if write.kind in WITH_FOLDERS:
            copy = self.folder / FILES / uuid4().hex
            shutil.copytree(write.values["folder"], copy)
            write = write._replace(values={**write.values, "folder": f"{FILES}/{copy.name}"})
        with (self.folder / WRITES).open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(write._asdict(), ensure_ascii=False) + "\n")

    def about(self) -> dict[str, Any]:
        """Which store it is for, and who writes it.

        Raises:
            DataError: If the folder is no journal, or one of another format.
        """
        try:
            about = json.loads((self.folder / ABOUT).read_text("utf-8"))
            known = about["format"] == FORMAT and {"store", "process"} <= about.keys()
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            known = False
        if not known:
            raise DataError(
                f"no folder of results that could not be logged: it has no {ABOUT} of format "
                f"{FORMAT}; look into {cache_root() / 'unlogged'}",
                file=self.folder,
            )
        return dict(about)

    def writes(self) -> list[Write]:
        """All writes; a last line that was cut, by what killed the process, counts as none.

        Raises:
            DataError: If a line is not as it was written.
        """
        file = self.folder / WRITES
        try:
            lines = file.read_bytes().split(b"\n")[:-1]
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", file=file) from error
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                found.append(_checked(Write(**json.loads(line)), self.folder))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                told = "is not as it was written: it must be mended or taken out by hand"
                raise DataError(told, file=file, line=number) from error
        return found


def _checked(write: Write, folder: Path) -> Write:
    """A write with its folder's place; nothing outside of the journal is taken for that."""
    if write.kind not in WITH_FOLDERS:
        return write
    kept = Path(write.values["folder"])
    if kept.is_absolute() or ".." in kept.parts:
        raise ValueError(kept)
    return write._replace(values={**write.values, "folder": str(folder / kept)})


_begun: list[Path] = []


def remedy(folders: Sequence[Path]) -> str:
    """What to do about journals."""
    return "; ".join(f"alignfreeze sync {folder}" for folder in folders)


def begun() -> list[str]:
    """The folders of the journals that are yet to be complained of."""
    return [str(folder) for folder in _begun]


def also_begun(folders: Iterable[str]) -> None:
    """Have journals complained of that others began for what this process answers for."""
    _begun.extend(folder for folder in map(Path, dict.fromkeys(folders)) if folder not in _begun)


def complain() -> None:
    """Say at the end of a command what it could not log, if anything.

    Raises:
        TrackingError: Names the folders, and how to log what is in them.
    """
    folders = _begun[:]
    _begun.clear()
    if folders:
        raise TrackingError(
            "the tracking store was away for too long: what could not be logged is in "
            f"{', '.join(map(str, folders))}; when it is back: {remedy(folders)}"
        )
