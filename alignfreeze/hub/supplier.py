"""Brings labelled data and parallel text from the Hugging Face hub into the cache."""

import logging
from dataclasses import replace
from pathlib import Path

from alignfreeze.caching import cache_root
from alignfreeze.contracts import HubSplit
from alignfreeze.errors import DataError
from alignfreeze.hub.dictionaries import Dictionaries
from alignfreeze.hub.files import folder_state, replacing
from alignfreeze.hub.streams import open_split, reaching, write_parquet, write_texts

logger = logging.getLogger(__name__)

NEWEST = "newest"
"""Stands for a revision that was not pinned, in paths."""

ENGLISH = "en"

OPUS_100 = HubSplit(
    repository="Helsinki-NLP/opus-100",
    config=None,
    split="train",
    columns=("translation",),
    revision="805090dc28bf78897da9641cdf08b61287580df9",
)
"""Parallel text of English with 99 languages; a config is two codes in alphabetical order."""

LANGUAGES = (
    "af ar bg ca cs da de el es fa fi fr he hi hu it ja ko lt lv no pl pt ro ru sk sl sv ta th tr "
    "uk vi zh"
)
"""Target languages of the published experiments."""


class HubSupplier:
    """Fetches what is asked for, once; later runs find it in the cache.

    Args:
        mirror: Folder of data sets that were downloaded to ``namespace/name`` in it, read
            instead of the hub. A data set that changes there is another one in the cache.
        max_pairs: How many sentence pairs of a language to fetch at most; ``None``: all.
    """

    def __init__(self, mirror: Path | None = None, max_pairs: int | None = None) -> None:
        self._mirror = mirror
        self._max_pairs = max_pairs
        self._states: dict[str, str] = {}
        part = "all" if max_pairs is None else f"first-{max_pairs}"
        self.root = self._folder(OPUS_100) / part
        """The folder that parallel text and dictionaries are put into, as in a data folder."""
        dictionaries = None if mirror is None else mirror / "dictionaries"
        self._dictionaries = Dictionaries(self.root / "dictionaries", dictionaries)

    def file(self, place: HubSplit) -> Path:
        """The parquet file that a split is, or will be, kept in."""
        return self._folder(place) / (place.config or "default") / f"{place.split}.parquet"

    def _folder(self, place: HubSplit) -> Path:
        """The folder of a data set's revision."""
        base = cache_root() / "hub"
        if self._mirror is not None:
            base = cache_root() / "mirrors" / self._state(self._mirror, place.repository)[:16]
        return base / place.repository / (place.revision or NEWEST)

    def _state(self, mirror: Path, repository: str) -> str:
        if repository not in self._states:
            self._states[repository] = folder_state(mirror / repository)
        return self._states[repository]

    def fetch(self, place: HubSplit) -> None:
        """Write a split's file, unless it is there with all columns, or there is no such split.

        Raises:
            DataError: If the data set cannot be reached; names it.
        """
        path = self.file(place)
        absent, kept = path.with_suffix(".absent"), _columns(path)
        if set(place.columns) <= set(kept) or absent.is_file():
            return
        # Tasks that read different columns share the file.
        wanted = replace(place, columns=tuple(dict.fromkeys((*kept, *place.columns))))
        with reaching(wanted, self._mirror):
            dataset = open_split(wanted, self._mirror, self._revision(wanted))
            # That there is no such split is kept too, for runs without a network.
            with replacing(absent if dataset is None else path) as (temporary,):
                if dataset is None:
                    temporary.touch()
                else:
                    write_parquet(dataset, wanted, temporary)

    def _revision(self, place: HubSplit) -> str | None:
        """The commit or tag to read; the newest one is looked up once, and kept to."""
        from huggingface_hub import HfApi

        if self._mirror is not None or place.revision is not None:
            return place.revision
        note = self._folder(place) / "revision"
        if not note.is_file():
            commit = HfApi().dataset_info(place.repository).sha
            with replacing(note) as (temporary,):
                temporary.write_text(f"{commit}\n", encoding="utf-8")
            logger.info("%s: from now on at revision %s (%s)", place.repository, commit, note)
        return note.read_text("utf-8").strip()

    def parallel_languages(self, source_language: str) -> list[str]:
        """The target languages that there is parallel text for, sorted; English is the source."""
        if source_language != ENGLISH:
            return []
        languages = LANGUAGES.split()
        if self._mirror is None:
            return languages
        folder = self._mirror / OPUS_100.repository
        return [language for language in languages if (folder / _config(language)).is_dir()]

    def fetch_bitext(self, source_language: str, target: str) -> None:
        """Write both texts of a language pair, unless they are there, and its dictionaries.

        A language that was interrupted starts anew; one that is complete is not read again.

        Raises:
            DataError: If the texts cannot be reached; names them.
        """
        if source_language != ENGLISH:
            raise DataError(
                f"the hub's parallel text has the source language {ENGLISH!r} alone, "
                f"got {source_language!r}"
            )
        stem = self.root / "parallel" / f"{ENGLISH}-{target}"
        texts = [Path(f"{stem}.{language}") for language in (ENGLISH, target)]
        if not all(path.is_file() for path in texts):
            self._fetch_texts(target, texts)
        self._dictionaries.fetch(ENGLISH, target)
        self._dictionaries.fetch(target, ENGLISH)

    def _fetch_texts(self, target: str, texts: list[Path]) -> None:
        place = replace(OPUS_100, config=_config(target))
        with reaching(place, self._mirror):
            dataset = open_split(place, self._mirror, place.revision)
            if dataset is None:
                raise ValueError(f"it has no split {place.split!r}")
            with replacing(*texts) as temporaries:
                files = dict(zip((ENGLISH, target), temporaries, strict=True))
                write_texts(dataset, place, files, self._max_pairs)


def _config(target: str) -> str:
    return "-".join(sorted((ENGLISH, target)))


def _columns(path: Path) -> list[str]:
    """The columns of a file in the cache; none where it is missing, or cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return []
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        logger.warning("%s: cannot be read, and is fetched anew: %s", path, reason)
        return []
