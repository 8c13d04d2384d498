"""Which values of a strategy's fields go together, by its own validators."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from pydantic import ValidationError

from alignfreeze.contracts import FreezingStrategy
from alignfreeze.search.parameters import Parameter

LISTED_AT_MOST = 1000
"""Fields with more values than this are drawn without a look at what fits the others."""


@dataclass(frozen=True)
class Combinations:
    """The combinations of a strategy's values that it accepts.

    Attributes:
        model: The strategy's class.
        listed: All values of each field that can be listed, in the order of definition.
        searched: The fields that are searched, those without a list included.
    """

    model: type[FreezingStrategy]
    listed: Mapping[str, Sequence[Any]]
    searched: frozenset[str]

    @classmethod
    def of(
        cls,
        model: type[FreezingStrategy],
        parameters: Mapping[str, Parameter],
        at_most: int = LISTED_AT_MOST,
    ) -> "Combinations":
        """Those of some parameters; what has more than ``at_most`` values is not listed."""
        listed = {
            field: values
            for field, parameter in parameters.items()
            if (count := parameter.count) is not None
            and count <= at_most
            and (values := parameter.values) is not None
        }
        return cls(model, listed, frozenset(parameters))

    def fitting(self, field: str, given: Mapping[str, Any]) -> Sequence[Any] | None:
        """The values of a field that some combination has with what is given; ``None``: any."""
        if field not in self.listed:
            return None
        return [value for value in self.listed[field] if self._has(field, value, given)]

    def _has(self, field: str, value: object, given: Mapping[str, Any]) -> bool:
        only = replace(self, listed={**self.listed, field: (value,)})
        return next(only.complete(given), None) is not None

    def complete(self, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All combinations of the listed fields that have what is given."""
        missing = [field for field in self.listed if field not in given]
        if not self._accepted(given):
            return
        if not missing:
            yield dict(given)
            return
        for value in self.listed[missing[0]]:
            yield from self.complete({**given, missing[0]: value})

    def _accepted(self, given: Mapping[str, Any]) -> bool:
        """Whether nothing speaks against some values.

        As long as not everything is given, a complaint counts only if it is about a value that
        is given, as is all before it: else a validator may look at a default still to be replaced.
        """
        whole = self.searched <= given.keys()
        try:
            self.model.model_validate(dict(given))
        except ValidationError as error:
            return not whole and not any(
                place and place[0] in given and self._after(place[0], given)
                for details in error.errors(include_url=False)
                for place in [details["loc"]]
            )
        except Exception:
            # A validator may stumble over a field that it expects, and that is not drawn yet.
            if whole:
                raise
        return True

    def _after(self, field: object, given: Mapping[str, Any]) -> bool:
        """Whether all that is searched and defined before a field is given."""
        before = takewhile(lambda name: name != field, self.model.model_fields)
        return all(name in given for name in before if name in self.searched)
