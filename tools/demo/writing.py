"""How the demo's files are written and packed."""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.demo.grammar import Token


def text_of(tokens: Sequence[Token]) -> str:
    """Join words by spaces."""
    return " ".join(token.form for token in tokens)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines, the same bytes on every system, and the folders above them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder's files into a zip archive: in order of their names, without times or owners.

    Compressed by bzip2, which has not changed for decades, so that the bytes are the same on
    every system.
    """
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            member.external_attr = 0o644 << 16
            packed.writestr(member, path.read_bytes(), zipfile.ZIP_BZIP2, compresslevel=9)
