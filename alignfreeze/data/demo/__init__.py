"""The corpus of a small multilingual world, and an encoder pretrained on it."""
