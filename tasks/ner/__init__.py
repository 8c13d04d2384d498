"""Named-entity recognition on WikiANN, and on what else has its kind of entities."""

from .task import NamedEntityRecognition

__all__ = ["NamedEntityRecognition"]
