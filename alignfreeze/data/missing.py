"""Languages that the hub turns out to have nothing for: left out, or an error."""

import logging
from collections.abc import Mapping, Sequence
from typing import Literal

from alignfreeze.contracts import DataSource
from alignfreeze.errors import MissingSplitError

logger = logging.getLogger(__name__)

Policy = Literal["skip", "error"]
"""What is done about such a language: it is left out, or the run ends."""

TEXT = "parallel text"
"""What is missing of a language to realign with."""


def check_missing(what: str, reasons: Mapping[str, str], n_languages: int, policy: Policy) -> None:
    """Tell which languages are left out, and why, all at once; or that none may be.

    Args:
        what: What they lack.
        reasons: Why, by language.
        n_languages: How many languages were asked for.
        policy: Whether they may be left out.

    Raises:
        MissingSplitError: If they may not be, or no language is left.
    """
    if not reasons:
        return
    listed = ", ".join(f"{language} ({reason})" for language, reason in reasons.items())
    if policy == "skip" and len(reasons) < n_languages:
        logger.warning("left out, for the hub has no %s: %s", what, listed)
        return
    left = "" if len(reasons) < n_languages else ", and no language is left"
    hint = " (missing=skip leaves them out)" if policy == "error" and not left else ""
    raise MissingSplitError(f"the hub has no {what} of {listed}{left}{hint}")


def with_texts(
    source: DataSource, source_language: str, targets: Sequence[str], policy: Policy
) -> list[str]:
    """Those of some target languages that there is parallel text for; a folder is to have all.

    Raises:
        MissingSplitError: If languages without are no to be left out, or none is left.
        DataError: If the hub cannot be reached.
    """
    if source.supplier is None:
        return list(targets)
    missing = source.supplier.missing_texts(source_language, targets)
    check_missing(TEXT, missing, len(targets), policy)
    return [target for target in targets if target not in missing]
