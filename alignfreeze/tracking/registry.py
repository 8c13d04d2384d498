"""The models that runs have logged: found again, and registered, however the store is."""

from functools import partial

from alignfreeze.tracking.models import find_model, register_model
from alignfreeze.tracking.unlogged import REGISTER, Write
from alignfreeze.tracking.writing import WRITER, beside_others


def has_model(run_id: str, name: str) -> bool:
    """Whether a run has logged a model under a name; False while the store is away.

    Raises:
        TrackingError: If the store refuses.
    """
    found = WRITER.ask(f"find the model of run {run_id}", partial(find_model, run_id, name), None)
    return found is not None


def register(run_id: str, name: str, *, registered: str, alias: str, told: str) -> str | None:
    """Register what a run has logged (see `models.register_model`).

    Returns:
        The version's number; ``None`` where the store is away, and the journal has it.

    Raises:
        TrackingError: If the store refuses.
    """
    values = {"name": name, "registered": registered, "alias": alias, "told": told}
    call = partial(register_model, run_id, **values)
    return WRITER.write(Write(REGISTER, run_id, values), partial(beside_others, call))
