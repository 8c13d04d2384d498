"""The embedded demo: a small multilingual world, its corpus and an encoder pretrained on it."""

from alignfreeze.data.demo.corpus import LANGUAGES, TARGET_LANGUAGES, write_corpus
from alignfreeze.data.demo.lexicon import ENCODER

__all__ = ["ENCODER", "LANGUAGES", "TARGET_LANGUAGES", "write_corpus"]
