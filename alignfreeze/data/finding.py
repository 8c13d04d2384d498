"""Where data and models come from: the embedded demo, a folder, or the hub."""

from pathlib import Path

from alignfreeze.contracts import DataSource
from alignfreeze.data import demo
from alignfreeze.errors import DataError

DEMO = "demo"
HUB = "hub"


def find_data(data: str, *, max_pairs: int | None = None) -> DataSource:
    """The data that a configuration names; the embedded corpus is unpacked on first use.

    Args:
        data: ``demo``, ``hub``, ``hub:FOLDER`` for data sets downloaded to a folder, or a folder
            of data.
        max_pairs: How many sentence pairs of a language to fetch from the hub at most; ``None``:
            all. What is in a folder stays as it is.

    Raises:
        DataError: If there is no such folder, or the unpacked corpus is damaged.
    """
    if data == DEMO:
        return DataSource(name=DEMO, root=demo.unpacked_corpus())
    kind, colon, folder = data.partition(":")
    if kind == HUB:
        from alignfreeze.data.hub import HubSupplier

        mirror = _existing(folder) if colon else None
        supplier = HubSupplier(mirror, max_pairs)
        return DataSource(name=data, root=supplier.root, supplier=supplier)
    return DataSource(name=data, root=_existing(data))


def _existing(folder: str) -> Path:
    """A folder that has to be there."""
    path = Path(folder).expanduser()
    if not folder or not path.is_dir():
        raise DataError(
            f"data must be {DEMO!r}, {HUB!r}, '{HUB}:FOLDER' or a folder, "
            f"and there is no folder {folder!r}"
        )
    return path.resolve()


def find_model(model: str) -> str:
    """The folder or the hub name of the model that a configuration names."""
    return str(demo.ENCODER) if model == DEMO else model
