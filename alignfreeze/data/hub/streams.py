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

from alignfreeze.base.progress import progress_bar
from alignfreeze.contracts import HubSplit
from alignfreeze.data.hub.locating import SplitFiles, title_of
from alignfreeze.encoders.modelfiles import why_offline
from alignfreeze.errors import AlignFreezeError, DataError

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 10_000
"""Rows in memory at a time."""

LINE_BREAK = re.compile(r"[\r\n]")


@contextmanager
def reaching(place: HubSplit, mirror: Path | None) -> Iterator[None]:
    """Turn whatever goes wrong with a data set into one line that names it and the way out.

    Raises:
        DataError: If there is no mirror, and the hub cannot be used; or whatever goes wrong inside
            of the context.
    """
    try:
        if mirror is None and (reason := why_offline()):
            raise OSError(reason)
        yield
    except AlignFreezeError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        config = "" if place.config is None else f", config {place.config!r}"
        revision = "" if place.revision is None else f" --revision {place.revision}"
        raise DataError(
            f"data set {place.repository!r}{config}, revision {place.revision or 'newest'!r} "
            f"cannot be read from {mirror or 'the hub'}: {reason}; use local files: data=FOLDER "
            f"(docs/data.md), or data=hub:FOLDER after `hf download {place.repository} "
            f"--repo-type dataset{revision} --local-dir FOLDER/{place.repository}`"
        ) from error


def open_split(place: HubSplit, files: SplitFiles) -> IterableDataset:
    """Open a split for reading, with the columns of ``place`` alone.

    Raises:
        DataError: If it lacks a column.
        Exception: Of any kind, if the files cannot be read.
    """
    # Files by their whole address: a name would be looked up in the current folder first.
    splits = load_dataset(
        "parquet",
        data_files={files.name: [glob.escape(path) for path in files.paths]},
        features=files.config.features,
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
