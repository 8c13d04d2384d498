"""The demo's corpus, which is shipped as an archive, and the folder of its encoder.

Both are made by ``tools/demo`` of the project's repository.
"""

import zipfile
from pathlib import Path

from alignfreeze.base.caching import building, cache_root, check_sealed
from alignfreeze.base.digests import file_digest

ENCODER = Path(__file__).parent / "encoder"
ARCHIVE = Path(__file__).with_name("corpus.zip")


def unpacked_corpus() -> Path:
    """The corpus as a folder of data in the cache, unpacked on first use.

    Raises:
        DataError: If the cache cannot be written, or what was unpacked before is damaged.
    """
    folder = cache_root() / "demo" / file_digest(ARCHIVE)[:16]
    if folder.is_dir():
        check_sealed(folder, "the demo's corpus")
    else:
        # Names that lead out of the folder are not followed: zipfile takes them as being in it.
        with building(folder) as empty, zipfile.ZipFile(ARCHIVE) as archive:
            archive.extractall(empty)
    return folder
