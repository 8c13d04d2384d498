"""Other processes that add the same to the tracking store at the same moment."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.orm import Session


@contextmanager
def as_others_add(table: type, calls: Iterable[Callable[[], object]]) -> Iterator[None]:
    """Each time that a row is about to be added to a table, do the next call before; do all."""
    todo = iter(calls)

    def just_before(session: Session, context: object, instances: object) -> None:
        if any(isinstance(row, table) for row in session.new):
            for call in todo:
                call()
                return

    event.listen(Session, "before_flush", just_before)
    try:
        yield
    finally:
        event.remove(Session, "before_flush", just_before)
    assert next(todo, None) is None
