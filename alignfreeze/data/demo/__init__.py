"""The embedded demo: the corpus of a small multilingual world, and an encoder pretrained on it."""

from alignfreeze.data.demo.archive import ENCODER, unpacked_corpus

__all__ = ["ENCODER", "unpacked_corpus"]
