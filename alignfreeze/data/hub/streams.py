"""Splits of the hub's data sets, or of a mirror's, read a batch of rows at a time."""

import glob
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from operator import ne
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import IterableDataset, load_dataset
from datasets.table import table_cast
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from alignfreeze.base.faults import disk_fault
from alignfreeze.base.progress import progress_bar
from alignfreeze.contracts import HubSplit
from alignfreeze.data.hub.locating import AbsentError, SplitFiles, title_of
from alignfreeze.encoders.modelfiles import why_offline
from alignfreeze.errors import AlignFreezeError, DataError, MissingSplitError, ResourceError

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 10_000
"""Rows in memory at a time."""

LINE_BREAK = re.compile(r"[\r\n]")


@contextmanager
def reaching(place: HubSplit, mirror: Path | None, *, known: bool = False) -> Iterator[None]:
    """Turn whatever goes wrong with a data set into one line that names it and the way out.

    Args:
        place: What is read of it.
        mirror: The folder that it is read from; ``None``: the hub.
        known: Whether nothing need be asked of the hub.

    Raises:
        MissingSplitError: If there is no such data set, revision, config or split.
        ResourceError: If the disk is full.
        DataError: If there is no mirror, and the hub cannot be used; or whatever else goes wrong
            inside of the context.
    """
    try:
        if mirror is None and not known and (reason := why_offline()):
            raise OSError(reason)
        yield
    except AlignFreezeError:
        raise
    except Exception as error:
        if (full := disk_fault(error)) is not None:
            raise ResourceError(f"{title_of(place)}: {full}") from error
        missing, reason, remedy = _explained(error, place)
        config = "" if place.config is None else f", config {place.config!r}"
        revision = "" if place.revision is None else f" --revision {place.revision}"
        title = f"data set {place.repository!r}{config}, revision {place.revision or 'newest'!r}"
        said = f"cannot be read from {mirror or 'the hub'}: {reason}"
        if mirror is not None or not (missing or remedy):
            remedy = (
                "use local files: data=FOLDER (docs/data.md), or data=hub:FOLDER after `hf "
                f"download {place.repository} --repo-type dataset{revision} --local-dir "
                f"FOLDER/{place.repository}`"
            )
        message = "; ".join(filter(None, (f"{title} {said}", remedy)))
        if missing:
            raise MissingSplitError(message, reason=f"{place.repository}: {reason}") from error
        raise DataError(message) from error


def _explained(error: Exception, place: HubSplit) -> tuple[bool, str, str]:
    """Whether something is not there, why, and what to do, as far as that is known."""
    reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
    match error:
        case AbsentError():
            return True, reason, ""
        case GatedRepoError():
            page = f"https://huggingface.co/datasets/{place.repository}"
            return False, "access is granted on request", f"ask at {page}, then `hf auth login`"
        case RepositoryNotFoundError():
            remedy = "see whether it was renamed; if it is private, `hf auth login`"
            return True, "there is no such data set", remedy
        case RevisionNotFoundError():
            return True, f"there is no revision {place.revision!r}", ""
        case RemoteEntryNotFoundError():
            return True, f"there is no {error.response.url}", ""
        case HfHubHTTPError(response=response) if response.status_code == 401:
            return False, "the token is not valid (401)", "`hf auth login`, or unset HF_TOKEN"
        case HfHubHTTPError(response=response) if response.status_code == 403:
            return (
                False,
                "it is forbidden (403)",
                "`hf auth login` with a token that may read it",
            )
    return False, reason, ""


def open_split(place: HubSplit, files: SplitFiles) -> IterableDataset:
    """Open a split for reading, with the columns of ``place`` alone.

    Raises:
        DataError: If it lacks a column.
        Exception: Of any kind, if the files cannot be read.
    """
    features = files.config.features
    told = features is not None and set(place.columns) <= features.keys()
    # Files by their whole address: a name would be looked up in the current folder first. Other
    # columns are not fetched where the card says which there are, nor held against what it says.
    splits = load_dataset(
        "parquet",
        data_files={files.name: [glob.escape(path) for path in files.paths]},
        features=features,
        columns=list(place.columns) if told else None,
        streaming=True,
    )
    dataset = splits[files.name]
    if dataset.features is None:
        raise DataError(f"{title_of(place)} must be of parquet files, whose columns are known")
    if missing := [name for name in place.columns if name not in dataset.features]:
        has = " ".join(dataset.features)
        raise DataError(f"{title_of(place)} must have a column {missing[0]!r}, has: {has}")
    return dataset.select_columns(list(place.columns))


def tables(
    dataset: IterableDataset, place: HubSplit, limit: int | None = None
) -> Iterator[pa.Table]:
    """The rows of a split, or the first of them, as tables of at most `ROWS_PER_BATCH` rows."""
    schema = dataset.features.arrow_schema
    rest = sys.maxsize if limit is None else limit
    with progress_bar(range(0), f"{title_of(place)} {place.split}", " rows", shown=True) as bar:
        for table in dataset.with_format("arrow").iter(batch_size=ROWS_PER_BATCH):
            part = table.slice(0, rest)
            rest -= len(part)
            bar.update(len(part))
            yield table_cast(part, schema)
            if rest == 0:
                return


def write_parquet(dataset: IterableDataset, place: HubSplit, path: Path) -> None:
    """Write a split as a parquet file whose metadata keeps the names of class labels."""
    with pq.ParquetWriter(path, dataset.features.arrow_schema) as writer:
        for table in tables(dataset, place):
            writer.write_table(table)


def write_texts(
    dataset: IterableDataset, place: HubSplit, texts: Mapping[str, Path], limit: int | None
) -> None:
    r"""Write the translations of a split into a file for each language, a line each.

    Only ``\n`` ends a line; what would end or change one is replaced by a space, and counted.

    Args:
        dataset: What `open_split` returned; its column ``translation`` has a text by language.
        place: The split.
        texts: The file of each language.
        limit: How many sentence pairs to write at most; ``None``: all.
    """
    breaks = rows = 0
    with ExitStack() as stack:
        files = {
            language: stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            for language, path in texts.items()
        }
        for table in tables(dataset, place, limit):
            rows += len(table)
            for language, file in files.items():
                column = pc.struct_field(table["translation"], language)
                sentences = [text or "" for text in column.to_pylist()]
                lines = [LINE_BREAK.sub(" ", sentence) for sentence in sentences]
                breaks += sum(map(ne, lines, sentences))
                file.writelines(f"{line}\n" for line in lines)
    logger.info("%s: %s sentence pairs", title_of(place), f"{rows:,}")
    if breaks:
        logger.warning(
            "%s: line breaks in %s texts were replaced by spaces", title_of(place), f"{breaks:,}"
        )
