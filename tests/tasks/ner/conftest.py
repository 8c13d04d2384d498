"""Reads a text as a file of the task."""

from collections.abc import Callable

import pytest

from alignfreeze.contracts import Examples, TaggedSentence
from alignfreeze_tasks.ner import NamedEntityRecognition

TASK = NamedEntityRecognition()


@pytest.fixture
def load(write, source) -> Callable[..., Examples[TaggedSentence]]:
    def load_text(
        text: str, language: str = "xx", task: NamedEntityRecognition = TASK
    ) -> Examples[TaggedSentence]:
        write(f"ner/{language}/test.tsv", text)
        return task.load(source, language, "test")

    return load_text
