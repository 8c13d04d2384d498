"""Extractive question answering on SQuAD and XQuAD."""
