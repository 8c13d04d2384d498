"""Files of outcomes: what was right and what was said of each example of a split, as parquet.

A row is an example. For each metric that is a ratio of sums over examples there are two columns,
its numerator and its denominator (`Parts`), whose sums over a language's rows come to the score.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alignfreeze.contracts import Outcomes, Parts, Said, Split
from alignfreeze.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "predictions"
"""The folder of a run's artifacts that has them."""

LANGUAGE, EXAMPLE, GOLD, PREDICTED = "language", "example", "gold", "predicted"
NUMERATOR, DENOMINATOR = "_numerator", "_denominator"
"""Endings of a metric's columns."""

METADATA = b"alignfreeze"
"""The key of the parquet metadata that has the `OutcomeOrigin`, as JSON."""


def outcome_file(split: Split) -> str:
    """The artifact of a fine-tuning that has a split's outcomes."""
    return f"{FOLDER}/{split}.parquet"


@dataclass(frozen=True)
class OutcomeOrigin:
    """What outcomes are of.

    Attributes:
        task: The name of the task.
        split: The split.
        digests: By language, the SHA-256 of the file that the examples are from.
    """

    task: str
    split: Split
    digests: Mapping[str, str]


def write_outcomes(
    path: Path, by_language: Mapping[str, Outcomes], *, origin: OutcomeOrigin
) -> None:
    """Write the outcomes of a task's split.

    Args:
        path: The file to make; its folder must be there.
        by_language: What came of the examples of each language, in the order of its file.
        origin: What they are of.

    Raises:
        OSError: If it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = list(by_language.values())
    sizes = [len(outcomes) for outcomes in found]
    columns: dict[str, Any] = {
        LANGUAGE: pa.array(np.repeat([*by_language], sizes)).dictionary_encode(),
        EXAMPLE: pa.array(np.concatenate([np.arange(n, dtype=np.int32) for n in sizes])),
        GOLD: _texts([said for outcomes in found for said in outcomes.gold]),
        PREDICTED: _texts([said for outcomes in found for said in outcomes.predicted]),
    }
    for metric in dict.fromkeys(name for outcomes in found for name in outcomes.parts):
        for ending, place in ((NUMERATOR, 0), (DENOMINATOR, 1)):
            own = [_numbers(outcomes, metric, place) for outcomes in found]
            columns[metric + ending] = _small(np.concatenate(own))
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(asdict(origin))})
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def read_outcomes(path: Path, languages: Sequence[str] | None = None) -> dict[str, Outcomes]:
    """What `write_outcomes` wrote: the outcomes of each language, or of some.

    Raises:
        DataError: If the file is none of these, or damaged; names it.
    """
    table = _table(path, None, languages)
    metrics = _metrics(table.column_names)
    return {
        language: Outcomes(
            gold=own.column(GOLD).to_pylist(),
            predicted=own.column(PREDICTED).to_pylist(),
            parts={
                metric: found
                for metric in metrics
                if (found := _parts(own, metric, path)) is not None
            },
        )
        for language, own in _by_language(table, path)
    }


def read_parts(path: Path, metric: str) -> dict[str, Parts]:
    """The part of each example in a metric, by language; empty where the metric has none.

    It reads the columns that it needs alone: fit for many files.

    Raises:
        DataError: If the file is none of these, or damaged; names it.
    """
    wanted = [LANGUAGE, EXAMPLE, metric + NUMERATOR, metric + DENOMINATOR]
    table = _table(path, wanted, None)
    if metric not in _metrics(table.column_names):
        return {}
    found = {language: _parts(own, metric, path) for language, own in _by_language(table, path)}
    return {language: own for language, own in found.items() if own is not None}


def read_origin(path: Path) -> OutcomeOrigin:
    """What the outcomes of a file are of.

    Raises:
        DataError: If the file is none of these, or damaged; names it.
    """
    import pyarrow.parquet as pq

    with _reading(path):
        said = (pq.read_schema(path).metadata or {}).get(METADATA)
    try:
        return OutcomeOrigin(**json.loads(said or b""))
    except (ValueError, TypeError) as error:
        raise DataError("must be a file of predictions, says not what of", file=path) from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        message = f"cannot be read as a file of predictions: {reason}"
        raise DataError(message, file=path) from error


def _table(path: Path, wanted: Sequence[str] | None, languages: Sequence[str] | None) -> "pa.Table":
    """Columns of a file, all or those wanted that it has, in the order of its rows."""
    import pyarrow.parquet as pq

    with _reading(path):
        has = pq.read_schema(path).names
        if missing := [name for name in (LANGUAGE, EXAMPLE, GOLD, PREDICTED) if name not in has]:
            message = f"must be a file of predictions, lacks the column {missing[0]!r}"
            raise DataError(message, file=path)
        return pq.read_table(
            path,
            columns=None if wanted is None else [name for name in wanted if name in has],
            filters=None if languages is None else [(LANGUAGE, "in", [*languages])],
            partitioning=None,  # a folder's name is no column
            page_checksum_verification=True,
        )


def _metrics(columns: Sequence[str]) -> list[str]:
    """The metrics that have both columns."""
    names = [name.removesuffix(NUMERATOR) for name in columns if name.endswith(NUMERATOR)]
    return [name for name in names if name + DENOMINATOR in columns]


def _by_language(table: "pa.Table", path: Path) -> Iterator[tuple[str, "pa.Table"]]:
    """The rows of each language, which stand together.

    Raises:
        DataError: If examples are missing, or not in order.
    """
    encoded = table.column(LANGUAGE).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    if table.num_rows == 0:
        return
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    for start, end in zip(starts, [*starts[1:], table.num_rows], strict=True):
        own = table.slice(start, end - start)
        language = str(encoded.dictionary[int(codes[start])])
        numbers = own.column(EXAMPLE).to_numpy()
        if not np.array_equal(numbers, np.arange(len(numbers))):
            rule = "must have all examples of a language from 0 on, in order"
            raise DataError(f"{rule}, has others of {language}", file=path)
        yield language, own


def _parts(table: "pa.Table", metric: str, path: Path) -> Parts | None:
    """A metric's parts of a language's rows; ``None`` where it has none, which is empty there.

    Raises:
        DataError: If they are no numbers, or some are missing.
    """
    above, below = (table.column(metric + ending) for ending in (NUMERATOR, DENOMINATOR))
    if above.null_count == below.null_count == len(above):
        return None
    numbers = [np.asarray(part.to_numpy(), dtype=np.float64) for part in (above, below)]
    if not all(np.isfinite(part).all() for part in numbers):
        raise DataError(f"the parts of {metric} must be finite numbers", file=path)
    return Parts(*numbers)


def _texts(said: Sequence[Said]) -> "pa.Array":
    """Texts, or lists of texts; where there are both, a text is a list of one."""
    import pyarrow as pa

    if all(isinstance(own, str) for own in said):
        return pa.array(said, pa.string())
    lists = [[own] if isinstance(own, str) else list(own) for own in said]
    return pa.array(lists, pa.list_(pa.string()))


def _numbers(outcomes: Outcomes, metric: str, place: int) -> NDArray[np.float64]:
    """One of a metric's two parts of each example; NaN where the language has none."""
    parts = outcomes.parts.get(metric)
    return np.full(len(outcomes), np.nan) if parts is None else np.asarray(parts[place], float)


def _small(numbers: NDArray[np.float64]) -> "pa.Array":
    """Numbers in the smallest type that holds them all as they are; NaN is nothing."""
    import pyarrow as pa

    array = pa.array(numbers, from_pandas=True)
    for kind in (pa.uint8(), pa.uint16(), pa.int32()):
        try:
            return array.cast(kind)
        except pa.ArrowInvalid:
            continue
    return array
