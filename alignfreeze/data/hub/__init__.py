"""Data sets of the Hugging Face hub, brought into the cache when they are first needed."""
