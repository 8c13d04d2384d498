"""Errors are one line, whatever they are made of."""

import pickle
from pathlib import Path

import pytest

from alignfreeze.errors import ConfigError, DataError, Interrupted, one_line


def test_an_error_is_one_line_whatever_it_is_made_of() -> None:
    error = DataError("must be a number, got 'a\nb'", file=Path("two\nlines.tsv"), line=3)
    assert str(error) == "two lines.tsv:3: must be a number, got 'a b'"
    assert len(str(ConfigError("x" * 200_000))) < 2100


def test_an_error_goes_to_another_process_as_it_is() -> None:
    error = DataError("is empty", file=Path("a.tsv"))
    assert str(pickle.loads(pickle.dumps(error))) == "a.tsv: is empty"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\n lines"), "ValueError: two lines"),
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(), "ValueError"),
        (ConfigError("seed must be given"), "seed must be given"),
        (Interrupted("by SIGTERM"), "by SIGTERM"),
        (ValueError("postgresql://u:secret@h/db"), "ValueError: postgresql://u:***@h/db"),
    ],
)
def test_what_is_not_ours_is_said_with_its_type(error: BaseException, said: str) -> None:
    assert one_line(error) == said
