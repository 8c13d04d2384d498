"""What makes the demo: a small multilingual world, its corpus and an encoder pretrained on it."""

from tools.demo.corpus import LANGUAGES, TARGET_LANGUAGES, write_corpus

__all__ = ["LANGUAGES", "TARGET_LANGUAGES", "write_corpus"]
