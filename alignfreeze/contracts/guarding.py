"""What goes wrong inside a plugin is told as its own: by its name, its distribution, its method."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, UnionType
from typing import Any, Literal, NoReturn, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from alignfreeze.base.faults import shortage
from alignfreeze.errors import AlignFreezeError, PluginError, one_line

F = TypeVar("F", bound=Callable[..., Any])

CONTRACTS = __name__.rpartition(".")[0]
"""Of what is defined in this package, the methods of a plugin are guarded."""

Errors = tuple[type[Exception], ...]


def may_raise(*errors: type[Exception]) -> Callable[[F], F]:
    """Mark a method of a contract that says by such errors what is wrong with what it gets."""

    def mark(function: F) -> F:
        function.__dict__[_MAY_RAISE] = errors
        return function

    return mark


_MAY_RAISE = "may_raise"


def guard_methods(plugin: type) -> None:
    """Guard those methods and properties of a class that its contract has; a plugin's above it are.

    What they raise, and what the iterators raise that they return, becomes a `PluginError` that
    names plugin and method; and so does a value of another type than the contract says. Errors of
    ours stay as they are, and those of the machine.
    """
    contracts = [base for base in plugin.__mro__ if base.__module__.startswith(f"{CONTRACTS}.")]
    for name, own in _unguarded(plugin).items():
        known = [base for base in contracts if name in vars(base) or name in _annotated(base)]
        if name.startswith("_") or not known:
            continue
        promised = vars(known[-1]).get(name)
        if isinstance(own, FunctionType):
            setattr(plugin, name, guarded(own, name, promised))
        elif isinstance(own, staticmethod | classmethod):
            setattr(plugin, name, type(own)(_of(own, name, promised)))
        elif isinstance(own, property):
            setattr(plugin, name, property(_of(own, name, promised), doc=own.__doc__))
        elif isinstance(own, functools.cached_property):
            cached = functools.cached_property(guarded(own.func, name, promised))
            cached.__set_name__(plugin, name)
            setattr(plugin, name, cached)


def _unguarded(plugin: type) -> dict[str, Any]:
    """What a class has of its own, or of bases that are no plugins."""
    found: dict[str, Any] = {}
    for base in reversed(plugin.__mro__):
        own = base is plugin or not issubclass(base, BaseModel)
        found |= vars(base) if own else dict.fromkeys(vars(base))
    return found


def _annotated(cls: type) -> Mapping[str, Any]:
    found: Mapping[str, Any] = vars(cls).get("__annotations__", {})
    return found


def _of(own: Any, name: str, promised: object) -> Callable[..., Any]:
    """The function inside a descriptor, guarded."""
    function = getattr(own, "__func__", None) or own.fget
    return guarded(function, name, getattr(promised, "__func__", promised))


def guarded(function: Callable[..., Any], name: str, promised: object) -> Callable[..., Any]:
    """A method that is guarded as `guard_methods` says.

    Args:
        function: The method as it is written; called with the plugin, or its class, in front.
        name: Its name.
        promised: The contract's own, which says what it returns and may raise.
    """
    passing: Errors = getattr(promised, "__dict__", {}).get(_MAY_RAISE, ())
    returns = getattr(promised, "__annotations__", {}).get("return", Any)
    # What stands in quotation marks is of a library that is not loaded for this.
    rule = "" if isinstance(returns, str) else _rule(returns)

    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs)
        except (Exception, SystemExit) as error:  # noqa: BLE001  told as the plugin's
            _blame(args[0], name, error, passing)
        if rule and type(result) is not returns and not _holds(result, returns, args[0]):
            got = type(result).__name__ if type(result) is not str else repr(result)
            raise PluginError(f"{owner_of(args[0])}: {name} must return {rule}, got {got:.60}")
        if isinstance(result, Iterator):
            return _iterated(result, args[0], name, passing)
        return result

    return guard


def _iterated(items: Iterator[Any], plugin: object, name: str, passing: Errors) -> Iterator[Any]:
    try:
        yield from items
    except (Exception, SystemExit) as error:  # noqa: BLE001  told as the plugin's
        _blame(plugin, name, error, passing)


@contextmanager
def calling(plugin: object, what: str) -> Iterator[None]:
    """Guard what is done with a plugin, or with its class, in other ways than by its methods.

    Raises:
        PluginError: If something of the plugin's fails, or ends the process.
    """
    try:
        yield
    except (Exception, SystemExit) as error:  # noqa: BLE001  told as the plugin's
        _blame(plugin, what, error, ())


def _blame(plugin: object, what: str, error: BaseException, passing: Errors) -> NoReturn:
    """Raise what an error of a plugin is to the others."""
    if isinstance(error, (AlignFreezeError, *passing)) or shortage(error) is not None:
        raise error
    said = f"{what} fails: {one_line(error)}"
    if isinstance(error, SystemExit):
        said = f"{what} calls sys.exit({error.code!r:.60}), which is not its to call"
    elif isinstance(error, NotImplementedError) and not str(error):
        said = f"{what} must be implemented"
    raise PluginError(f"{owner_of(plugin)}: {said}") from error


def owner_of(plugin: object) -> str:
    """A plugin, or its class, as messages name it: kind, name, distribution and version."""
    from alignfreeze.contracts.registry import described_class

    return described_class(plugin if isinstance(plugin, type) else type(plugin))


_NAMES: Mapping[type, str] = {str: "a text", bool: "true or false", Path: "a path", dict: "a dict"}


def _rule(returns: Any) -> str:
    """What is said of a type that a method returns; empty if it cannot be told whether it does."""
    kind = get_origin(returns) or returns
    if kind in (Union, UnionType):
        rules = [_rule(part) for part in get_args(returns)]
        return " or ".join(rules) if all(rules) else ""
    if kind is Literal:
        return f"one of {', '.join(map(repr, get_args(returns)))}"
    if returns is Self:
        return "a plugin of its own class"
    if not isinstance(kind, type) or returns is Any:
        return ""
    if kind is type(None):
        return "None"
    if issubclass(kind, Mapping):
        return "a dict"
    if issubclass(kind, Iterator):
        return "an iterator"
    return _NAMES.get(kind) or ("a list" if _is_listed(kind) else f"a {kind.__name__}")


def _holds(value: object, returns: Any, plugin: object) -> bool:
    """Whether a value is of a type that a method returns, as far as that shows from outside."""
    kind = get_origin(returns) or returns
    if kind in (Union, UnionType):
        return any(_holds(value, part, plugin) for part in get_args(returns))
    if kind is Literal:
        return value in get_args(returns)
    if returns is Self:
        return isinstance(value, type(plugin))
    if issubclass(kind, Mapping) or kind in (str, type(None), Path):
        return isinstance(value, Mapping if issubclass(kind, Mapping) else kind)
    if kind is bool:  # NumPy's own has no base in common with Python's
        return type(value).__name__ in ("bool", "bool_")
    if issubclass(kind, Iterator):
        return isinstance(value, Iterable)
    if _is_listed(kind):
        return _is_listed(type(value)) and not isinstance(value, str | bytes | Mapping)
    return isinstance(value, kind)


def _is_listed(kind: type) -> bool:
    """Whether it has a length, and items by their number or in an order."""
    return hasattr(kind, "__len__") and (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"))
