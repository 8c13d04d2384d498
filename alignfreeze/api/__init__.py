"""Realignment, alignment and probing of objects in memory, and whole runs."""
