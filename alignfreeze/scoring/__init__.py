"""How well sentence pairs translate each other, scored by an encoder."""
