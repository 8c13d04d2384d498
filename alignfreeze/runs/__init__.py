"""Runs: what identifies them, what they need, their phases."""
