"""The commands: all of their options, with values that no option expects, alone and in pairs."""

import contextlib
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import typer.main

from alignfreeze.base.paths import existing_path
from alignfreeze.cli.checks import CHECKS
from alignfreeze.cli.main import OPTIONS, app, main
from alignfreeze.data.finding import DEMO, HUB
from alignfreeze.errors import AlignFreezeError
from tools.fuzz.running import Input
from tools.fuzz.values import NASTY

OURS_TO_END_WITH = (0, 1, 2)


class RefusedError(AlignFreezeError):
    """A command has said what is wrong, and exited with the right code."""


@dataclass
class Command:
    """The options of a command.

    Attributes:
        name: As it is called.
        options: Those that it takes.
        arguments: Those that have no flag.
        usual: What is given unless it is what is tried.
    """

    name: str
    options: Sequence[str]
    folder: Path
    arguments: Sequence[str] = ()
    required: Sequence[str] = ()
    usual: dict[str, bytes] = field(default_factory=dict)

    def make(self, random: Random) -> dict[str, bytes]:
        """One option or two, and what has to be given."""
        names = [*self.options, *self.arguments]
        chosen = random.sample(names, k=min(len(names), random.choice((1, 1, 2)))) if names else []
        wanted = dict.fromkeys([*self.required, *self.arguments, *chosen])
        given = {name: random.choice(NASTY).encode(errors="surrogatepass") for name in wanted}
        return {**self.usual, **given}

    def read(self, given: Input) -> None:
        """Check the options, and see that the command itself says the same of them."""
        texts = {name: text.decode(errors="surrogatepass") for name, text in given.items()}
        if self.name in CHECKS:
            own = {n: text for n, text in texts.items() if n not in (*self.arguments, "output")}
            try:
                CHECKS[self.name](own)
            except AlignFreezeError:
                self._call(texts)
                raise
        if self._ends_soon(texts):
            self._call(texts)

    def _ends_soon(self, texts: dict[str, str]) -> bool:
        """Whether a command whose options are right does nothing that takes long."""
        if self.name == "data check":
            place = texts["place"]
            return not place.startswith((DEMO, HUB)) and existing_path(place) is None
        return self.name == "report" or self.name not in CHECKS

    def _call(self, texts: dict[str, str]) -> None:
        """Call the command; it is to end by itself.

        Raises:
            RefusedError: If it has refused what is given, in one line.
        """
        if any("\0" in text for text in texts.values()):  # of no argument of a process
            return
        flags = [_flag(name, text) for name, text in texts.items() if name not in self.arguments]
        places = [texts[name] for name in self.arguments if name in texts]
        given = [*self.name.split(), *flags, *(["--", *places] if places else [])]
        said = io.StringIO()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            try:
                main(given)
            except SystemExit as ended:
                code = ended.code
            else:
                return
        lines = said.getvalue().splitlines()
        if code not in OURS_TO_END_WITH or (code and not lines):
            raise AssertionError(f"exits with {code}: {lines[-1:]}")
        raise RefusedError(lines[-1])


def _flag(name: str, text: str) -> str:
    return f"--{name.replace('_', '-')}={text}"


def commands(folder: Path) -> Iterator[Command]:
    """All commands that the command line has."""
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    for name, command in _leaves(typer.main.get_command(app), ""):
        parameters: list[Any] = [p for p in command.params if p.name != "help"]
        arguments = [p.name for p in parameters if p.param_type_name == "argument"]
        flags = [
            p.opts[0].removeprefix("--").replace("-", "_")
            for p in parameters
            # A switch of a configuration has a value where it is given as --name=value.
            if p.param_type_name != "argument" and (not p.is_flag or p.secondary_opts)
        ]
        required = [
            p.opts[0].removeprefix("--").replace("-", "_")
            for p in parameters
            if p.param_type_name != "argument" and p.required
        ]
        assert {*OPTIONS.get(name, ())} <= {*flags}
        if flags or arguments:
            yield Command(name, flags, folder, arguments, required)


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for own, below in inner.items():
        yield from _leaves(below, f"{name} {own}".strip())
