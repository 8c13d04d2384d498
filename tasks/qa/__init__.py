"""Extractive question answering on SQuAD and XQuAD."""

from .task import QuestionAnswering

__all__ = ["QuestionAnswering"]
