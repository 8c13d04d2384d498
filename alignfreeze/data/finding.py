"""Where data and models come from: the embedded demo, a folder, or the hub."""

import os
import zipfile
from pathlib import Path

from alignfreeze.base.caching import building, found_whole
from alignfreeze.base.digests import file_digest
from alignfreeze.base.paths import cache_root, existing_folder
from alignfreeze.contracts import DataSource
from alignfreeze.errors import DataError
from alignfreeze.messages import LONG, shown

DEMO = "demo"
HUB = "hub"

# Both are made by ``tools/demo`` of the project's repository.
ENCODER = Path(__file__).with_name("demo") / "encoder"
CORPUS = Path(__file__).with_name("demo") / "corpus.zip"


def find_data(data: str, *, max_pairs: int | None = None) -> DataSource:
    """The data that a configuration names; the embedded corpus is unpacked on first use.

    Args:
        data: ``demo``, ``hub``, ``hub:FOLDER`` for data sets downloaded to a folder, or a folder
            of data.
        max_pairs: How many sentence pairs of a language to fetch from the hub at most; ``None``:
            all. What is in a folder stays as it is.

    Raises:
        DataError: If there is no such folder.
        AlignFreezeError: If the cache cannot be written.
    """
    if data == DEMO:
        return DataSource(name=DEMO, root=unpacked_corpus())
    kind, colon, folder = data.partition(":")
    if kind == HUB:
        mirror = _existing(folder) if colon else None
        from alignfreeze.data.hub.supplier import HubSupplier

        supplier = HubSupplier(mirror, max_pairs)
        return DataSource(name=data, root=supplier.root, supplier=supplier)
    return DataSource(name=data, root=_existing(data))


def unpacked_corpus() -> Path:
    """The embedded corpus as a folder of data in the cache, unpacked on first use.

    Raises:
        AlignFreezeError: If the cache cannot be written.
    """
    folder = cache_root() / "demo" / file_digest(CORPUS)[:16]
    if not found_whole(folder, "the demo's corpus"):
        # Names that lead out of the folder are not followed: zipfile takes them as being in it.
        with building(folder) as empty, zipfile.ZipFile(CORPUS) as archive:
            archive.extractall(empty)
    return folder


def _existing(folder: str) -> Path:
    """A folder that has to be there."""
    path = existing_folder(folder) if folder else None
    if path is None:
        raise DataError(
            f"data must be {DEMO!r}, {HUB!r}, '{HUB}:FOLDER' or a folder, "
            f"and there is no folder {shown(folder, LONG)}"
        )
    if not os.access(path, os.R_OK | os.X_OK):
        raise DataError("the folder cannot be read: Permission denied", file=path)
    return path.resolve()


def find_model(model: str) -> str:
    """The folder or the hub name of the model that a configuration names."""
    return str(ENCODER) if model == DEMO else model
