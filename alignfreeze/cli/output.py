"""How much a command says, and in which form: for a person, or for a script."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import typer
from pydantic_core import to_json

from alignfreeze import PACKAGES
from alignfreeze.base import progress


@dataclass
class Output:
    """What is asked for.

    Attributes:
        quiet: Nothing beside the result but warnings and errors.
        verbose: The traceback of what fails, and more of what a command lists.
        json: The result for scripts, alone on standard output.
        stdout: Standard output, where that of what is called is led elsewhere.
    """

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    stdout: TextIO | None = None

    def reset(self) -> None:
        """Forget what was asked for, since another command line is read."""
        self.quiet = self.verbose = self.json = False
        self.apply()

    def apply(self) -> None:
        """Make logs and bars follow what is asked for."""
        progress.show_bars(not self.quiet)
        level = logging.WARNING if self.quiet else logging.INFO
        for name in PACKAGES:
            logging.getLogger(name).setLevel(level if is_first() else logging.ERROR)

    @contextlib.contextmanager
    def kept_clean(self) -> Iterator[None]:
        """Where a script reads standard output, what libraries print goes to standard error."""
        if not self.json:
            yield
            return
        before, self.stdout = self.stdout, self.stdout or sys.stdout
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        finally:
            self.stdout = before


OUTPUT = Output()
"""What the command line that is being run asks for."""


def tell(result: Mapping[str, Any], show: Callable[[], object]) -> None:
    """Print what came out: as one JSON object for a script, else as a person reads it.

    Args:
        result: What is printed for scripts (docs/cli.md); what is no number is ``null``.
        show: Prints it for a person.
    """
    if not OUTPUT.json:
        show()
        return
    typer.echo(to_json(result, indent=2).decode(), file=OUTPUT.stdout)


def is_first() -> bool:
    """Whether this is the process that speaks: the only one, or the first of torchrun's."""
    return os.environ.get("RANK", "0") == "0"
