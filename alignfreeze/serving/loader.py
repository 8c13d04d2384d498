"""What MLflow calls to load a saved model, and asks for its answers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .class_answers import Classes
from .kinds import CLASSES, KINDS, SPANS, TAGS, VECTORS
from .networks import SavedNetwork
from .span_answers import Spans
from .word_answers import Tags, Vectors

ANSWERS: Mapping[str, Callable[[SavedNetwork, Mapping[str, Any]], Any]] = {
    TAGS.pipeline: Tags,
    CLASSES.pipeline: Classes,
    SPANS.pipeline: Spans,
    VECTORS.pipeline: Vectors,
}
"""How the kinds answer, by their pipelines."""


class Model:
    """A saved model as MLflow wants it.

    Args:
        folder: Where it is.
        options: ``answers``, the kind; ``auto_class``; and what that kind takes.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        network, name = SavedNetwork(folder, options["auto_class"]), options["answers"]
        self._answers = ANSWERS[name](network, options)
        self._needed = KINDS[name].needed
        self._lock = threading.Lock()  # tokenizers are not to be used by several threads at once

    def predict(
        self,
        model_input: "pd.DataFrame | Sequence[Mapping[str, Any]] | Mapping[str, Any]",
        params: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """An answer to each row, in their order.

        Raises:
            ValueError: If a row lacks a column that is needed.
        """
        if isinstance(model_input, Mapping):
            model_input = [model_input]
        rows = pd.DataFrame(model_input).to_dict("records")
        questions = [{n: v for n, v in row.items() if isinstance(v, str)} for row in rows]
        for number, question in enumerate(questions, start=1):
            if lacking := [name for name in self._needed if name not in question]:
                raise ValueError(f"row {number} must have a text as {lacking[0]}")
        with self._lock:
            answers: list[dict[str, Any]] = self._answers(questions)
        return answers


def _load_pyfunc(path: str, model_config: Mapping[str, Any]) -> Model:
    """MLflow's way to load a model from its folder."""
    return Model(Path(path), model_config)
