"""Rows of parquet files, as the Hugging Face hub has them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alignfreeze.errors import DataError


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a parquet file, a thousand in memory at a time.

    Args:
        path: The file. Integers that its metadata calls a ``ClassLabel`` become their names.
        columns: The columns to read.

    Yields:
        Pairs of row number, counted from 1, and values by column.

    Raises:
        DataError: If the file is not parquet, or lacks a column; names it and those it has.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            if missing := [name for name in columns if name not in file.schema_arrow.names]:
                has = " ".join(file.schema_arrow.names)
                raise DataError(f"must have a column {missing[0]!r}, has: {has}", file=path)
            features = Features.from_arrow_schema(file.schema_arrow)
            for batch in file.iter_batches(batch_size=1000, columns=list(columns)):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _named(row[name], features[name]) for name in columns}
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"cannot be read as parquet: {reason}", file=path) from error


def _named(value: Any, feature: Any) -> Any:
    """A value with class numbers replaced by class names; -1 is the hub's "no label"."""
    from datasets import ClassLabel, List

    if isinstance(feature, ClassLabel):
        return None if value in (None, -1) else feature.names[value]
    if isinstance(feature, List) and isinstance(feature.feature, ClassLabel) and value is not None:
        return [_named(item, feature.feature) for item in value]
    return value
