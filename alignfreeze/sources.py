"""Where data and models come from: the embedded demo, a folder, or the hub."""

from pathlib import Path

from alignfreeze import demo
from alignfreeze.caching import building, cache_root, folder_digest
from alignfreeze.contracts import DataSource
from alignfreeze.errors import DataError

DEMO = "demo"


def find_data(data: str) -> DataSource:
    """The data that a configuration names; the embedded corpus is written on first use.

    Args:
        data: ``demo`` or a folder.

    Raises:
        DataError: If there is no such folder.
    """
    if data == DEMO:
        return DataSource(name=DEMO, root=_demo_folder())
    root = Path(data).expanduser()
    if not root.is_dir():
        raise DataError(f"data must be {DEMO!r} or a folder, and there is no folder {data!r}")
    return DataSource(name=data, root=root.resolve())


def _demo_folder() -> Path:
    """The embedded corpus as files, keyed by the code and the words that it is made from."""
    digest = folder_digest(Path(demo.__file__).parent, "*.py", "*.tsv")
    folder = cache_root() / "demo" / digest[:16]
    if not folder.is_dir():
        with building(folder) as empty:
            demo.write_corpus(empty)
    return folder


def find_model(model: str) -> str:
    """The folder or the hub name of the model that a configuration names."""
    return str(demo.ENCODER) if model == DEMO else model
