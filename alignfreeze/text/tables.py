"""Tables as text files: tab-separated, comma-separated, or JSON lines."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from alignfreeze.base.structured import StructureError, read_json
from alignfreeze.errors import DataError
from alignfreeze.text.files import BLOCK_BYTES, numbered_lines, opened

MULTILINE = 100
"""The most lines of one quoted cell; more is a quotation mark that nothing closes."""


class Dialect:
    """How the cells of a table are told apart.

    CSV's quoting (RFC 4180) is a property of a whole file: a cell with a quotation mark stands
    in quotation marks, those inside it doubled. Text that merely has quotation marks, such as
    ``"Yes," he said.`` or ``"Hello."``, is no proof of it.
    """

    def __init__(self, separator: str) -> None:
        self.separator = separator
        self._cell = rf'(?:"(?:[^"]++|"")*+"|[^{separator}"]*+)'
        self._record = re.compile(rf"{self._cell}(?:{separator}{self._cell})*+")
        self._cells = re.compile(rf"(?:^|{separator})({self._cell})")

    def cells(self, record: str) -> list[str] | None:
        """The cells, in their quotation marks; ``None`` if it is not quoted as CSV is."""
        return self._cells.findall(record) if self._record.fullmatch(record) else None

    def is_evidence(self, cells: list[str]) -> bool:
        """Whether cells would not stand in quotation marks in a file that is not quoted."""
        quoted = [cell for cell in cells if is_quoted(cell)]
        special = ('""', self.separator, "\n")
        return len(quoted) == len(cells) > 1 or any(
            mark in cell[1:-1] for cell in quoted for mark in special
        )


TABS, COMMAS = Dialect("\t"), Dialect(",")


def is_quoted(cell: str) -> bool:
    """Whether a cell stands in quotation marks, and those inside it are doubled."""
    inner = cell[1:-1]
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")


def unquoted(cell: str) -> str:
    """A quoted cell without its quotation marks."""
    return cell[1:-1].replace('""', '"')


def table_rows(path: Path, notes: Counter[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, blank lines left out.

    Cells in CSV's quotation marks are read without them, in files of which all cells with a
    quotation mark are quoted so; in other files, those alone which double a quotation mark.

    Args:
        path: The file; commas separate the cells if its ending is ``.csv``, else tabs.
        notes: Where what is mended or left out is counted.

    Yields:
        Pairs of the number of a row's first line, counted from 1, and cells.

    Raises:
        DataError: If the file cannot be read, is not UTF-8, or is a CSV that breaks its rules.
    """
    dialect = COMMAS if path.suffix == ".csv" else TABS
    quoted = dialect is COMMAS or (_has_marks(path) and _is_quoted(path, dialect))
    for number, record in _records(path) if quoted else numbered_lines(path):
        if not record or record.isspace():
            notes["blank lines, left out"] += 1
            continue
        cells = dialect.cells(record) if quoted else record.split(dialect.separator)
        if cells is None:
            message = "quotation marks must enclose a whole cell, and be doubled inside it"
            raise DataError(message, file=path, line=number)
        if '"' in record:
            marked = [is_quoted(cell) and (quoted or '""' in cell[1:-1]) for cell in cells]
            pairs = zip(cells, marked, strict=True)
            cells = [unquoted(cell) if mark else cell for cell, mark in pairs]
            notes["cells in quotation marks, as in CSV, read without them"] += sum(marked)
        yield number, cells


def _has_marks(path: Path) -> bool:
    """Whether there is a quotation mark anywhere."""
    with opened(path) as file:
        return any(b'"' in block for block in iter(partial(file.read, BLOCK_BYTES), b""))


def _is_quoted(path: Path, dialect: Dialect) -> bool:
    """Whether all cells with a quotation mark are quoted, and one could not be text else."""
    evidence, width = False, 0
    for _, record in _records(path):
        if not record.strip():
            continue
        plain = '"' not in record
        cells = record.split(dialect.separator) if plain else dialect.cells(record)
        width = width or len(cells or ())
        # Two marks in two texts may look as if they enclosed what is between them.
        if cells is None or len(cells) != width:
            return False
        evidence = evidence or (not plain and dialect.is_evidence(cells))
    return evidence


def _records(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file; those that a quoted cell breaks are put together."""
    first = 0
    parts: list[str] = []
    for number, line in numbered_lines(path):
        if not parts:
            first = number
        parts.append(line)
        record = "\n".join(parts)
        if record.count('"') % 2 == 0 or len(parts) == MULTILINE:
            yield first, record
            parts = []
    if parts:
        yield first, "\n".join(parts)


def json_rows(path: Path, notes: Counter[str]) -> Iterator[tuple[int, Mapping[str, Any]]] | None:
    """The rows of a file of JSON lines, blank ones left out.

    Args:
        path: The file.
        notes: Where blank lines are counted.

    Returns:
        Pairs of line number, counted from 1, and values by name, as they are asked for;
        ``None`` if the file does not begin with a JSON object on a line.

    Raises:
        DataError: If the file cannot be read; when asked for a line, if it is no JSON object.
    """
    first = next((line.strip() for _, line in numbered_lines(path) if line.strip()), "")
    # JSON has no tab within a text, while a text of a table may begin as an object.
    return _json_rows(path, notes) if first.startswith("{") and "\t" not in first else None


def _json_rows(path: Path, notes: Counter[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in numbered_lines(path):
        if not line.strip():
            notes["blank lines, left out"] += 1
            continue
        row = json_value(line, path, number)
        if not isinstance(row, dict):
            raise DataError("a line must be a JSON object", file=path, line=number)
        yield number, row


def json_value(text: str, path: Path, line: int) -> Any:
    """The value that a text in JSON is.

    Args:
        text: The text.
        path: The file that it is from, and
        line: its first line there, for messages.

    Raises:
        DataError: If it is none, or breaks a limit of `read_json`; names the file and the line.
    """
    try:
        return read_json(text, finite=False)
    except StructureError as error:
        line += (error.line or 1) - 1
        raise DataError(f"must be JSON: {error.reason}", file=path, line=line) from None
