from pathlib import Path

import pytest

from alignfreeze.data.finding import unpacked_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as it is shipped; a test says that the tool makes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return unpacked_corpus()
