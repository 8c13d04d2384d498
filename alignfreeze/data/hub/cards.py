"""What the card of a data set, its ``README.md``, says of a config."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignfreeze.errors import DataError

if TYPE_CHECKING:
    from datasets import Features

DEFAULT = "default"
"""The hub's name of a config that has none."""


@dataclass(frozen=True)
class Config:
    """A config of a data set.

    Attributes:
        name: Its name.
        files: Where its files are, as the card says it.
        info: What the card says of its columns.
    """

    name: str
    files: Mapping[str, Any]
    info: Mapping[str, Any]

    @property
    def features(self) -> "Features | None":
        """Its columns; ``None`` where the files alone say them."""
        from datasets.info import DatasetInfosDict
        from huggingface_hub import DatasetCardData

        data = DatasetCardData(dataset_info=[{**self.info, "config_name": self.name}])
        return DatasetInfosDict.from_dataset_card_data(data)[self.name].features

    @property
    def text(self) -> str:
        """All of it as a text, equal for equal configs."""
        return json.dumps([self.name, self.files, self.info], sort_keys=True, default=str)


def read_config(card: Path, name: str | None) -> Config:
    """Read what a card says of a config.

    Args:
        card: The card; one that lists no config has one that is called ``default``.
        name: The config's name; ``None`` for the default one, or else the first.

    Raises:
        FileNotFoundError: If there is no card.
        LookupError: If it has no such config.
        DataError: If it cannot be understood; names it.
    """
    if not card.is_file():
        raise FileNotFoundError(f"there is no {card.name} in {card.parent}")
    configs, infos = _entries(card, card.stat().st_mtime_ns)
    if name is None:
        defaults = [key for key, entry in configs.items() if key == DEFAULT or entry.get(DEFAULT)]
        name = next(iter((*defaults, *configs)))
    if name not in configs:
        raise LookupError(f"config must be one of {' '.join(configs)}, got {name!r}")
    return Config(name, configs[name], infos.get(name, {}))


Entries = dict[str, dict[str, Any]]


@functools.lru_cache(maxsize=8)
def _entries(card: Path, modified: int) -> tuple[Entries, Entries]:
    """A card's configs, and what it says of columns, by name; large cards take seconds."""
    import yaml
    from huggingface_hub import DatasetCard

    try:
        data = DatasetCard.load(card, ignore_metadata_errors=True).data.to_dict()
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"the header must be YAML: {reason}", file=card) from error
    infos = data.get("dataset_info") or []
    infos = [infos] if isinstance(infos, dict) else infos
    return _by_name(data.get("configs") or [{}], card), _by_name(infos, card)


def _by_name(entries: Any, card: Path) -> Entries:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(f"configs must be a list of mappings, got {entries!r:.100}", file=card)
    return {str(entry.get("config_name", DEFAULT)): entry for entry in entries}
