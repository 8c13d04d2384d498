"""What all commands have in common: spellings, switches, how much is said, what is suggested."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from alignfreeze.cli.opened import failing_opened_run
from alignfreeze.cli.output import OUTPUT
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown, suggestion

WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
"""What a switch may be set to, too: `mlflow run` knows no switches, but ``-P resume=true``."""

SPELLINGS = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": lambda name: name.replace("_", "-"),
}
"""Settings of the outermost group that those within it take over."""

KINDS = {"int": "INTEGER", "float": "FLOAT", "str": "TEXT", "path": "PATH"}
"""What the help calls types; else it lists the values."""

F = TypeVar("F", bound=Callable[..., Any])

MOST = 26
"""Characters of an option that a help of 80 columns has room for."""


def _everywhere(name: str, summary: str, variable: str = "") -> Any:
    """A switch of all commands, which may stand before the command's name, or behind it."""

    def note(context: typer.Context, value: bool) -> None:
        if value and not context.resilient_parsing:
            setattr(OUTPUT, name, True)
            OUTPUT.apply()

    return typer.Option(
        f"--{name}",
        help=summary,
        callback=note,
        is_eager=True,
        expose_value=False,
        envvar=variable or None,
        show_envvar=bool(variable),
        rich_help_panel="Output",
    )


def _settings(
    quiet: Annotated[
        bool,
        _everywhere("quiet", "Only warnings and errors beside the result.", "ALIGNFREEZE_QUIET"),
    ] = False,
    verbose: Annotated[
        bool,
        _everywhere(
            "verbose", "The traceback of what fails; more in lists.", "ALIGNFREEZE_VERBOSE"
        ),
    ] = False,
    json: Annotated[bool, _everywhere("json", "The result as JSON, alone on stdout.")] = False,
) -> None:
    """What all commands take."""


def _everywhere_options() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command()(_settings)
    return [option for option in typer.main.get_command(app).params if option.name != "help"]


EVERYWHERE = _everywhere_options()


class _Shared:
    """What commands and groups of them have in common; it stands before typer's class."""

    params: list[Any]
    allow_interspersed_args: bool

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params = [*self.params, *EVERYWHERE]

    def get_help_option(self, context: Any) -> Any:
        option = super().get_help_option(context)  # type: ignore[misc]
        return option and _shown(option)

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        """Parse arguments, those of switches that are followed by a word too.

        Raises:
            ConfigError: If that is neither true nor false.
            typer.TyperException: If an option is unknown; it says which one may be meant.
        """
        if context.parent is None:  # what a command line before has asked for is past
            OUTPUT.reset()
        try:
            with failing_opened_run():
                plain = _without_words(
                    self.params, arguments, interspersed=self.allow_interspersed_args
                )
            return super().parse_args(context, plain)  # type: ignore[misc,no-any-return]
        except typer.TyperException as error:
            if hasattr(error, "possibilities"):  # of an unknown option, typer's own
                error.possibilities = ()
                known = [name for option in self.params for name in _names(option)]
                error.message += suggestion(error.option_name, known)  # type: ignore[attr-defined]
            raise

    def format_help(self, context: Any, formatter: Any) -> None:
        """Print the help, in which a switch is ``--[no-]resume``."""
        from typer import rich_utils  # slow, and needed for this alone

        # Names would be cut in 80 columns.
        rich_utils.STYLE_OPTIONS_TABLE_PADDING = (0, 1, 0, 0)  # type: ignore[assignment]
        shown_self = copy(self)
        shown_self.params = [_shown(param) for param in self.params]
        super(_Shared, shown_self).format_help(context, formatter)  # type: ignore[misc]


class SharedCommand(_Shared, TyperCommand):
    """A command, with what all have in common."""

    def invoke(self, context: Any) -> Any:
        """Run the command; only its result is on standard output where that is for scripts."""
        with OUTPUT.kept_clean():
            return super().invoke(context)


class SharedGroup(_Shared, TyperGroup):
    """A group of commands, with what all have in common."""

    def resolve_command(self, context: Any, arguments: list[str]) -> Any:
        """Find the command.

        Raises:
            typer.TyperException: If there is none; it says which one may be meant.
        """
        try:
            return super().resolve_command(context, arguments)
        except typer.TyperException as error:
            error.message = error.message.rstrip(".") + suggestion(arguments[0], self.commands)
            raise


class Commands(typer.Typer):
    """Where commands register: ``@commands.command("name")``, or `add_typer` for a group."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            cls=SharedGroup, suggest_commands=False, pretty_exceptions_enable=False, **settings
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """Register a function as a command, as typer does."""
        return super().command(name, cls=SharedCommand, **settings)


def _names(option: Any) -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _is_switch(option: Any) -> bool:
    return getattr(option, "is_bool_flag", False) is True


def _shown(option: Any) -> Any:
    """A parameter as the help shows it: a switch without a type, and in one column."""
    short = copy(option)
    if not _is_switch(option):
        short.display_type = lambda ctx: _kind(option.display_type(ctx))
        return short
    short.metavar, short.secondary_opts = "", []
    if option.secondary_opts:
        both = f"--[no-]{option.opts[0].removeprefix('--')}"
        if len(both) <= MOST:
            short.opts = [both]
        else:
            short.metavar = "or --no-…"
    return short


def _kind(text: str) -> str:
    """What the help calls a type, of one value and of several: ``TEXT``, ``[one|other]``."""
    bare = text.strip("<>").removeprefix("list[").removesuffix("]").lower()
    return KINDS.get(bare) or f"[{bare}]"


def _without_words(
    options: Iterable[Any], arguments: Sequence[str], *, interspersed: bool
) -> list[str]:
    """Arguments in which switches stand alone: ``--resume false`` is ``--no-resume``.

    Args:
        options: Those of the command, and what it takes beside them.
        arguments: What is given.
        interspersed: Whether options may follow what is none; else that is a command's name.
    """
    positional = any(option.param_type_name == "argument" for option in options)
    by_name = {name: option for option in options for name in _names(option)}
    found, rest = list[str](), list(arguments)
    while rest and rest[0] != "--" and (interspersed or rest[0].startswith("-")):
        argument = rest.pop(0)
        given, equals, word = argument.partition("=")
        name = given.replace("_", "-")
        option = by_name.get(name)
        if option is None or not _is_switch(option):
            found.append(argument)
            if option is not None and not equals and rest:  # its value, whatever that looks like
                found.append(rest.pop(0))
            continue
        if not equals and rest and _is_word(rest[0], positional=positional or not interspersed):
            equals, word = "=", rest.pop(0)
        if not equals:
            found.append(name)
        elif word:
            found += _position(option, name, word)
    return found + rest


def _is_word(text: str, *, positional: bool) -> bool:
    """Whether what follows a switch is its value."""
    return text.lower() in ("", *WORDS) or not (positional or text.startswith("-"))


def _position(option: Any, name: str, word: str) -> list[str]:
    if word.lower() not in WORDS:
        raise ConfigError(f"{option.name} must be true or false, got {shown(word)}")
    on = WORDS[word.lower()] is (name in option.opts)
    return [option.opts[0]] if on else option.secondary_opts[:1]
