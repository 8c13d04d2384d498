"""Data sets that were downloaded from the hub, whole or in part."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import IterableDatasetDict


def open_mirrored(folder: Path, config: str | None) -> "IterableDatasetDict":
    """Open what there is of a downloaded data set's config, without reading it.

    `datasets` itself opens a folder only if every file is there that the card lists first.

    Args:
        folder: The data set's folder, with its ``README.md``.
        config: Name of the config; ``None`` for the first.

    Returns:
        Its splits by name, as far as they are there.

    Raises:
        Exception: Of any kind, if there is no such config or none of its files.
    """
    from datasets import load_dataset
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCard

    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    card = DatasetCard.load(folder / "README.md", repo_type="dataset", ignore_metadata_errors=True)
    configs = {entry["config_name"]: entry for entry in card.data.to_dict().get("configs") or ()}
    if not configs:
        return load_dataset(str(folder), config, streaming=True)
    name = next(iter(configs)) if config is None else config
    if name not in configs:
        raise ValueError(f"config must be one of {' '.join(configs)}, got {name!r}")
    files = _files(folder, configs[name])
    if not files:
        raise FileNotFoundError(f"there is no file of config {name!r} in {folder}")
    infos = DatasetInfosDict.from_dataset_card_data(card.data)
    features = infos[name].features if name in infos else None
    return load_dataset("parquet", data_files=files, features=features, streaming=True)


def _files(folder: Path, entry: dict[str, Any]) -> dict[str, list[str]]:
    """The parquet files of each split of a config that are there."""
    listed = entry.get("data_files")
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ValueError(f"data_files in README.md must be a list of splits, got {listed!r}")
    files = {}
    for item in listed:
        patterns = [item["path"]] if isinstance(item["path"], str) else item["path"]
        paths = sorted(path for pattern in patterns for path in folder.glob(pattern))
        if other := [path.name for path in paths if path.suffix != ".parquet"]:
            raise ValueError(f"the files must be parquet, got {other[0]}")
        if paths:
            files[item["split"]] = [str(path) for path in paths]
    return files
