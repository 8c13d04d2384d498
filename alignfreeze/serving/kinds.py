"""The kinds of answers that saved models give, and what stands in questions and in answers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

TEXT, NUMBER, INTEGER = "string", "double", "long"
"""Types of columns, as MLflow calls them."""


class Kind(NamedTuple):
    """A kind of answers.

    Attributes:
        pipeline: Transformers' pipeline that does the like, by which the kind is known.
        auto_class: The class in transformers that such a model is by default.
        example: A question to show, where nobody has said a better one.
        optional: Which columns of the question may be left out.
        answer: The columns of the answer: types, or of a list of things their parts' types.
    """

    pipeline: str
    auto_class: str
    example: Mapping[str, str]
    optional: tuple[str, ...]
    answer: Mapping[str, Any]

    @property
    def needed(self) -> list[str]:
        """The columns that every question has."""
        return [name for name in self.example if name not in self.optional]

    def fault_of(self, example: Mapping[str, str]) -> str:
        """Why something is no question of the kind; empty if it is one."""
        known = {*self.example, *self.optional}
        if {*self.needed} <= example.keys() <= known:
            return ""
        optional = f", and may have {' '.join(self.optional)}" if self.optional else ""
        return f"must have {' '.join(self.needed)}{optional}, got {' '.join(example) or 'nothing'}"


TAGS = Kind(
    "token-classification",
    "AutoModelForTokenClassification",
    {"text": "The cat sleeps on the sofa ."},
    (),
    {"words": {"word": TEXT, "label": TEXT, "score": NUMBER}},
)
CLASSES = Kind(
    "text-classification",
    "AutoModelForSequenceClassification",
    {"text": "The cat sleeps on the sofa."},
    ("text_pair",),
    {"label": TEXT, "score": NUMBER},
)
SPANS = Kind(
    "question-answering",
    "AutoModelForQuestionAnswering",
    {"question": "Where does the cat sleep?", "context": "The cat sleeps on the sofa."},
    (),
    {"answer": TEXT, "score": NUMBER, "start": INTEGER, "end": INTEGER},
)
VECTORS = Kind(
    "feature-extraction",
    "AutoModel",
    {"text": "The cat sleeps on the sofa ."},
    (),
    {"words": {"word": TEXT, "vector": [NUMBER]}},
)
KINDS: Mapping[str, Kind] = {kind.pipeline: kind for kind in (TAGS, CLASSES, SPANS, VECTORS)}
