"""How the demo's files are written."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from alignfreeze.data.demo.grammar import Token


def text_of(tokens: Sequence[Token]) -> str:
    """Join words by spaces."""
    return " ".join(token.form for token in tokens)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines, the same bytes on every system, and the folders above them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")
