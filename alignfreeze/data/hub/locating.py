"""Which files a split has, as a data set's card and folder say, on the hub or in a download."""

import difflib
import functools
import glob
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import huggingface_hub
from datasets import Features
from datasets.data_files import get_data_patterns, resolve_pattern, sanitize_patterns
from datasets.info import DatasetInfosDict
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from alignfreeze.base.structured import StructureError, read_yaml, text_of
from alignfreeze.contracts import HubSplit
from alignfreeze.errors import DataError

DEFAULT = "default"
"""The hub's name of a config that has none."""

OTHER_NAMES = {"validation": "dev"}
"""What some data sets call a split instead."""

SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(.*)")
"""The name of one of the files of a split, such as ``train-00000-of-00002.parquet``."""


MOST_OF_A_CARD = 4_000_000
"""Characters of a card; that of Universal Dependencies, with hundreds of configs, has a million."""

FEW = 8
"""So many names are listed; of more, the nearest."""


class SplitError(DataError):
    """The files of a split are there in part, or are of the wrong kind."""


class AbsentError(Exception):
    """There is no such data set, config or split; the text says which, and what there is."""


@dataclass(frozen=True)
class Config:
    """What a data set's card says of a config's files, and of its columns."""

    name: str
    files: Mapping[str, Any]
    info: Mapping[str, Any]

    @property
    def features(self) -> Features | None:
        """Its columns; ``None`` where the files alone say them."""
        infos = [{**self.info, "config_name": self.name}]
        data = huggingface_hub.DatasetCardData(dataset_info=infos)
        return DatasetInfosDict.from_dataset_card_data(data)[self.name].features


@dataclass(frozen=True)
class SplitFiles:
    """The files of a split, by paths or addresses on the hub; the name is the data set's own."""

    config: Config
    name: str
    paths: tuple[str, ...]

    def state(self) -> str:
        """SHA-256 of what the card says, and of the files' paths, sizes and times."""
        said = json.dumps(astuple(self.config), sort_keys=True, default=str)
        digest = hashlib.sha256(f"{said}\n".encode())
        for path in self.paths:
            stat = Path(path).stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()


def find_mirrored(place: HubSplit, mirror: Path) -> SplitFiles:
    """Find a split in a folder of downloaded data sets.

    Raises:
        AbsentError: If there is no such data set, config or split.
        FileNotFoundError: If the data set has no card.
        ValueError: If the card does not say what configs there are.
        SplitError: If some of the split's files are missing, or are not parquet; names one.
        DataError: If the card is malformed; names it.
    """
    folder = mirror / place.repository
    if not folder.is_dir():
        raise AbsentError(f"there is no folder {folder}")
    config = _read_config(folder / "README.md", place.config)
    return _find(place, config, glob.escape(str(folder)), str(folder))


def find_published(place: HubSplit, commit: str) -> SplitFiles:
    """Find a split on the hub; a folder of the same name here is nothing to it.

    Raises:
        Exception: Of any kind, as `find_mirrored`, or if the hub does not give what is asked for.
    """
    card = huggingface_hub.hf_hub_download(
        place.repository, "README.md", repo_type="dataset", revision=commit
    )
    base = f"hf://datasets/{place.repository}@{commit}"
    return _find(place, _read_config(Path(card), place.config), base, base)


def _find(place: HubSplit, config: Config, base: str, title: str) -> SplitFiles:
    patterns = _patterns(config, base, title)
    for name in (place.split, OTHER_NAMES.get(place.split, place.split)):
        if paths := _paths(patterns.get(name, []), base, title):
            return SplitFiles(config, name, paths)
    has = [name for name in patterns if any(_matches(item, base) for item in patterns[name])]
    if not has:
        raise AbsentError(f"there is no file of config {config.name!r} in {title}")
    raise AbsentError(
        f"no split {place.split!r} of config {config.name!r}, {_among(place.split, has)}"
    )


def title_of(place: HubSplit) -> str:
    """What a data set and its config are called in messages."""
    return " ".join(filter(None, (place.repository, place.config)))


def _patterns(config: Config, base: str, title: str) -> dict[str, list[str]]:
    """Globs of the files of each split of a config; by their names, if the card has none."""
    if "data_files" not in config.files:
        folder = "/".join(filter(None, (base, config.files.get("data_dir"))))
        found = {
            str(split): chain.from_iterable(_matches(f"{folder}/{item}", base) for item in items)
            for split, items in get_data_patterns(folder).items()
        }
        return {
            split: [glob.escape(path) for path in paths if path.endswith(".parquet")]
            for split, paths in found.items()
        }
    try:
        patterns = sanitize_patterns(config.files["data_files"])
    except (ValueError, TypeError) as error:
        raise DataError(f"{title}/README.md: config {config.name!r}: {error}") from error
    return {split: [f"{base}/{item}" for item in items] for split, items in patterns.items()}


def _paths(patterns: list[str], base: str, title: str) -> tuple[str, ...]:
    """The files of a split: all, or none."""
    matches = {pattern: _matches(pattern, base) for pattern in patterns}
    paths = sorted({path for found in matches.values() for path in found})
    if other := [path for path in paths if not path.endswith(".parquet")]:
        raise SplitError(f"{other[0]}: the files of a data set must be parquet")
    missing = [f"{title}{item[len(base) :]}" for item, found in matches.items() if not found]
    if paths and (missing := [*missing, *_missing_shards(paths)]):
        raise SplitError(f"{missing[0]}: no such file, so the split is there in part only")
    return tuple(paths)


def _matches(pattern: str, base: str) -> list[str]:
    try:
        return list(resolve_pattern(pattern, base))
    except FileNotFoundError:
        return []


def _missing_shards(paths: Sequence[str]) -> list[str]:
    """Files that the names of others speak of, such as the second of two."""
    matches = filter(None, map(SHARD.fullmatch, paths))
    found = [(match[1], match[3], int(match[2])) for match in matches]
    return [
        f"{stem}-{number:05}-of-{total}.parquet"
        for stem, total in dict.fromkeys((stem, total) for stem, total, _ in found)
        for number in range(int(total))
        if (stem, total, number) not in found
    ]


def _read_config(card: Path, name: str | None) -> Config:
    """What a card says of a config; for ``None``, of the default one, or else of the first."""
    if not card.is_file():
        raise FileNotFoundError(f"there is no {card.name} in {card.parent}")
    configs, infos = _entries(card, card.stat().st_mtime_ns)
    if name is None:
        defaults = (key for key, entry in configs.items() if key == DEFAULT or entry.get(DEFAULT))
        name = next(defaults, next(iter(configs)))
    if name in configs:
        return Config(name, configs[name], infos.get(name, {}))
    if configs == UNLISTED:
        raise ValueError(
            f"its {card.name} lists no configs, so there is no telling what {name!r} is (the card "
            "of another revision, or of a data set that is a script)"
        )
    raise AbsentError(f"no config {name!r}, {_among(name, list(configs))}")


def _among(name: str, known: Sequence[str]) -> str:
    """What there is instead of a name: all of few names, the nearest of many."""
    if len(known) <= FEW:
        return f"has: {' '.join(known)}"
    near = difflib.get_close_matches(name, known, n=FEW, cutoff=0.5)
    return f"nearest of {len(known)}: {' '.join(near) or 'none'}"


Entries = dict[str, dict[str, Any]]

UNLISTED: Entries = {DEFAULT: {}}
"""The configs of a card that says nothing of any."""


@functools.lru_cache(maxsize=8)
def _entries(card: Path, modified: int) -> tuple[Entries, Entries]:
    """A card's configs, and what it says of columns, by name; large cards take seconds."""
    try:
        header = REGEX_YAML_BLOCK.search(text_of(card, MOST_OF_A_CARD))
        data = read_yaml(header[2], MOST_OF_A_CARD) if header else None
    except StructureError as error:
        raise DataError(f"the header must be YAML: {error}", file=card) from None
    if data is None:
        return UNLISTED, {}
    if not isinstance(data, dict):
        raise DataError("the header must be a mapping", file=card)
    infos = data.get("dataset_info") or []
    infos = [infos] if isinstance(infos, dict) else infos
    return _by_name(data.get("configs") or [{}], card), _by_name(infos, card)


def _by_name(entries: Any, card: Path) -> Entries:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(f"configs must be a list of mappings, got {entries!r:.100}", file=card)
    return {str(entry.get("config_name", DEFAULT)): entry for entry in entries}
