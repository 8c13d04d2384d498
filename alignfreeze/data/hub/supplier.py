"""Brings labelled data, parallel text and dictionaries from the hub into the cache."""

import hashlib
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import replace
from http.client import HTTPException
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi

from alignfreeze.base.paths import cache_root
from alignfreeze.contracts import PUBLISHED_LANGUAGES, Bitext, HubSplit
from alignfreeze.data.bitext_names import SCORES, names_beside
from alignfreeze.data.hub.kept_files import is_whole, replacing
from alignfreeze.data.hub.locating import (
    DEFAULT,
    AbsentError,
    SplitError,
    SplitFiles,
    find_mirrored,
    find_published,
)
from alignfreeze.data.hub.streams import open_split, reaching, write_parquet, write_texts
from alignfreeze.encoders.modelfiles import why_offline
from alignfreeze.errors import DataError, MissingSplitError
from alignfreeze.text.files import line_bytes

logger = logging.getLogger(__name__)

NEWEST = "newest"
"""Stands for a revision that was not pinned, in paths."""

ENGLISH = "en"
_COMMIT = "805090dc28bf78897da9641cdf08b61287580df9"
OPUS_100 = HubSplit("Helsinki-NLP/opus-100", None, "train", ("translation",), revision=_COMMIT)
"""Parallel text of English with 99 languages; a config is two codes in alphabetical order."""

MUSE = "https://dl.fbaipublicfiles.com/arrival/dictionaries"
"""Bilingual dictionaries; some aligners need none, so that one that cannot be had is a warning."""

TIMEOUT = 20.0
"""Seconds without an answer after which a dictionary is given up."""

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A revision that never moves, as a branch or a tag may."""

ALL = "all"
"""The folder of texts that are not cut short."""


class HubSupplier:
    """Fetches what is asked for, once; later runs find it in the cache.

    Args:
        mirror: Folder of data sets that were downloaded to ``namespace/name`` in it, read
            instead of the hub. What changes there is read anew, a config and split at a time.
        max_pairs: How many sentence pairs of a language to fetch at most; ``None``: all.
    """

    def __init__(self, mirror: Path | None = None, max_pairs: int | None = None) -> None:
        self._mirror = mirror
        self._max_pairs = max_pairs
        self.root = self._folder(OPUS_100)
        """The folder that parallel text and dictionaries are put into."""
        self._why_no_dictionaries = ""

    def file(self, place: HubSplit) -> Path:
        """The parquet file that a split is, or will be, kept in."""
        return self._folder(place) / (place.config or DEFAULT) / f"{place.split}.parquet"

    def _folder(self, place: HubSplit) -> Path:
        """The folder of a data set's revision."""
        base = cache_root() / "hub"
        if self._mirror is not None:
            digest = hashlib.sha256(str(self._mirror).encode()).hexdigest()
            base = cache_root() / "mirrors" / digest[:16]
        return base / place.repository / (place.revision or NEWEST)

    def has(self, place: HubSplit) -> bool:
        """Whether a split can be had: of the hub, a fetch tells.

        A mirror has it if all of its files are there; that some are is a warning.

        Raises:
            DataError: If a mirror's card is malformed; names it.
        """
        if self._mirror is None:
            return True
        try:
            with reaching(place, self._mirror):
                find_mirrored(place, self._mirror)
        except SplitError as error:
            logger.warning("%s is left out: %s", place.repository, error)
            return False
        except MissingSplitError:
            return False
        return True

    def fetch(self, place: HubSplit) -> None:
        """Write a split's file, unless it is there with all columns.

        Raises:
            MissingSplitError: If there is no such data set, revision, config or split.
            DataError: If the data set cannot be reached; names it.
        """
        path = self.file(place)
        note = path.with_suffix(".state")
        try:
            files, state = self._mirrored(place)
        except MissingSplitError:
            path.unlink(missing_ok=True)
            raise
        kept = _columns(path) if _noted(note) == state else []
        if set(place.columns) <= set(kept):
            return
        # With the columns that are there: tasks that read different ones share the file.
        wanted = replace(place, columns=tuple(dict.fromkeys((*kept, *place.columns))))
        files = files or self._published(wanted)
        with reaching(wanted, self._mirror), replacing(path, note) as (temporary, state_file):
            write_parquet(open_split(wanted, files), wanted, temporary)
            state_file.write_text(state, encoding="utf-8")

    def _mirrored(self, place: HubSplit) -> tuple[SplitFiles | None, str]:
        """A split's files in the mirror, and their state; of the hub's, nothing is asked yet."""
        if self._mirror is None:
            return None, ""
        with reaching(place, self._mirror):
            files = find_mirrored(place, self._mirror)
            return files, files.state()

    def _published(self, place: HubSplit) -> SplitFiles:
        """A split's files on the hub; that a commit has none is kept, for runs without a network.

        Raises:
            MissingSplitError: If there is no such split.
            DataError: If the hub cannot be reached.
        """
        absent = self.file(place).with_suffix(".absent")
        with reaching(place, None, known=absent.is_file()):
            if absent.is_file():  # of older versions, an empty file
                raise AbsentError(_noted(absent) or f"no split {place.split!r}")
            commit = self._commit(place)
            try:
                return find_published(place, commit)
            except AbsentError as error:
                with replacing(absent) as (temporary,):
                    temporary.write_text(str(error), encoding="utf-8")
                raise

    def _commit(self, place: HubSplit) -> str:
        """The commit to read; what a revision that may move is, is asked once and kept to."""
        if place.revision is not None and COMMIT.fullmatch(place.revision):
            return place.revision
        note = self._folder(place) / "revision"
        if not is_whole(note):
            commit = HfApi().dataset_info(place.repository, revision=place.revision).sha
            with replacing(note) as (temporary,):
                temporary.write_text(f"{commit}\n", encoding="utf-8")
            title = f"{place.repository}, revision {place.revision or NEWEST!r}"
            logger.info("%s: from now on at commit %s (%s)", title, commit, note)
        return note.read_text("utf-8").strip()

    def parallel_languages(self, source_language: str) -> list[str]:
        """The target languages that there is parallel text for, sorted; English is the source."""
        if source_language != ENGLISH:
            return []
        return [name for name in sorted(PUBLISHED_LANGUAGES) if self.has(_texts(name))]

    def fetch_bitext(self, source_language: str, target: str) -> Bitext:
        """Write both texts of a language pair, unless they are there, and what goes with them.

        That is its dictionaries, and scores of its pairs: a mirror's, or those that lie beside the
        texts in the cache. A language that was interrupted starts anew; one that is complete is not
        read again.

        Raises:
            DataError: If the texts cannot be reached; names them.
        """
        if source_language != ENGLISH:
            raise DataError(
                f"the hub's parallel text has the source language {ENGLISH!r} alone, "
                f"got {source_language!r}"
            )
        texts = self._fetch_texts(target)
        return Bitext(
            ENGLISH,
            target,
            *texts,
            forward_dictionary=self._dictionary(ENGLISH, target),
            backward_dictionary=self._dictionary(target, ENGLISH),
            scores_file=self._scores(target, texts[0]),
        )

    def missing_texts(self, source_language: str, targets: Iterable[str]) -> dict[str, str]:
        """Why there is no parallel text, by each target language that has none; fetches nothing.

        Raises:
            DataError: If the hub cannot be reached.
        """
        missing = {}
        for target in targets if source_language == ENGLISH else ():
            kept = (path for paths in self._text_files(target) for path in paths)
            try:
                if self._mirror is not None:
                    self._mirrored(_texts(target))
                elif not any(path.is_file() for path in kept):
                    self._published(_texts(target))
            except MissingSplitError as error:
                missing[target] = error.reason
        return missing

    def _text_files(self, target: str) -> list[tuple[Path, Path]]:
        """Where both texts may be: all of them will do where fewer are wanted, they come first."""
        part = ALL if self._max_pairs is None else f"first-{self._max_pairs}"
        stems = [
            f"{self.root / name / 'parallel'}/{ENGLISH}-{target}"
            for name in dict.fromkeys((ALL, part))
        ]
        return [(Path(f"{stem}.{ENGLISH}"), Path(f"{stem}.{target}")) for stem in stems]

    def _fetch_texts(self, target: str) -> tuple[Path, Path]:
        """Both texts; readers of all of them stop where fewer are wanted."""
        place = _texts(target)
        files, state = self._mirrored(place)
        for source, translation in self._text_files(target):
            note = source.with_suffix(".state")
            if _noted(note) == state and is_whole(source) and is_whole(translation):
                return source, translation
        files = files or self._published(place)
        with reaching(place, self._mirror):
            dataset = open_split(place, files)
            with replacing(source, translation, note) as (*texts, state_file):
                files_of = dict(zip((ENGLISH, target), texts, strict=True))
                write_texts(dataset, place, files_of, self._max_pairs)
                state_file.write_text(state, encoding="utf-8")
            _scores_beside(source).unlink(missing_ok=True)  # they were of the text before
        return source, translation

    def _scores(self, target: str, text: Path) -> Path | None:
        """The scores of a text's pairs, if there are any; a mirror's as far as the text goes."""
        folder, beside = self._mirror and self._mirror / "parallel", _scores_beside(text)
        given = [folder / name for name in names_beside(SCORES, ENGLISH, target)] if folder else []
        found = next((path for path in given if path.is_file()), None)
        if found is None or text.parent.parent.name == ALL:
            return found or (beside if beside.is_file() else None)
        with replacing(beside) as (temporary,):
            first = islice(line_bytes(found), self._max_pairs)
            temporary.write_bytes(b"".join(b"%b\n" % line for line in first))
        return beside

    def _dictionary(self, source: str, target: str) -> Path | None:
        """A dictionary, unless it cannot be had; of a mirror, as it is there now."""
        path = self.root / "dictionaries" / f"{source}-{target}.txt"
        if self._mirror is None and is_whole(path):
            return path
        if reason := self._why_no_dictionaries:
            logger.warning("no dictionary %s: not asked for, since %s", path.name, reason)
            return None
        try:
            content = _dictionary_text(path.name, self._mirror)
        except (OSError, HTTPException) as error:
            reason = str(error) or type(error).__name__
            logger.warning("no dictionary %s: %s", path.name, reason)
            # A site that does not answer would not answer for the next 67 either.
            if self._mirror is None and not isinstance(error, urllib.error.HTTPError):
                self._why_no_dictionaries = reason
            path.unlink(missing_ok=True)
            return None
        with replacing(path) as (temporary,):
            temporary.write_bytes(content)
        return path


def _dictionary_text(name: str, mirror: Path | None) -> bytes:
    if mirror is not None:
        return (mirror / "dictionaries" / name).read_bytes()
    if reason := why_offline():
        raise OSError(reason)
    with urllib.request.urlopen(f"{MUSE}/{name}", timeout=TIMEOUT) as response:
        return bytes(response.read())


def _scores_beside(text: Path) -> Path:
    """Where the scores of a text's pairs lie, where it is in the cache."""
    return text.with_suffix(f".{SCORES}")


def _texts(target: str) -> HubSplit:
    """The parallel text of a target language."""
    return replace(OPUS_100, config="-".join(sorted((ENGLISH, target))))


def _noted(note: Path) -> str:
    return note.read_text("utf-8", errors="replace") if note.is_file() else ""


def _columns(path: Path) -> list[str]:
    """The columns of a file in the cache; none where it is missing or damaged."""
    if not is_whole(path):
        return []
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        logger.warning("%s: cannot be read, and is fetched anew: %s", path, reason)
        return []
